/** What the OpenAPI document says of all routes alike: who may ask, and how one says who one is. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { roleByMethod } from './access/role.ts';

const ANSWERS_OF_THE_GATE = {
  401: { description: 'Nobody is logged in, and somebody has to be', type: 'null' },
  403: { description: 'This role, or this row filter, may not', type: 'null' },
} as const;

export const OPENAPI_OPTIONS: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Weir',
      version: '1',
      description:
        'Questions about IP flows. All times are UTC; octets are octets of the IP layer. Where a login is demanded, send a token as Authorization: Bearer. Writes need the content-type application/json, or the header X-Weir-Request.',
    },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token that a user made for a program' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'weir-session-8080',
          description: 'What the console uses; the name ends in the port that the server listens on',
        },
      },
    },
  },
  transform({ schema, url, route }) {
    if (schema?.hide === true) return { schema, url };
    const method = [route.method].flat()[0] ?? 'GET';
    const role = route.config?.role ?? roleByMethod(method);
    const response = schema?.response as Record<string, unknown> | undefined;
    const people = route.config?.peopleOnly === true;
    const described = {
      ...schema,
      description: describeAccessOf(role, route.config?.narrowed === true, people),
      security: role === 'public' ? [] : people ? [{ session: [] }] : [{ token: [] }, { session: [] }],
      response: role === 'public' ? response : { ...ANSWERS_OF_THE_GATE, ...response },
    };
    return { schema: described, url };
  },
};

function describeAccessOf(role: string, narrowed: boolean, people: boolean): string {
  if (role === 'public') return 'Answered without a login.';
  const rows = narrowed ? 'A row filter narrows the answer.' : 'Refused to accounts with a row filter.';
  return [`Role: ${role}.`, role === 'admin' ? '' : rows, people ? 'Not with a token.' : '']
    .filter((sentence) => sentence !== '')
    .join(' ');
}
