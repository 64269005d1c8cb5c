/** All routes of a server, and who may ask them: for the tests that walk over them, and for the reference. */
import type { FastifyInstance } from 'fastify';
import type { NeededRole } from './access/identity.ts';
import { roleByMethod } from './access/role.ts';

export interface ApiRoute {
  readonly method: string;
  /** With `:name` for what varies. */
  readonly path: string;
  readonly role: NeededRole;
  /** Whether somebody with a row filter may ask. */
  readonly narrowed: boolean;
  readonly peopleOnly: boolean;
  readonly summary: string;
}

/** Collects what is added to `app` from here on; HEAD is GET without a body, and left out. */
export function collectRoutes(app: FastifyInstance): readonly ApiRoute[] {
  const routes: ApiRoute[] = [];
  app.addHook('onRoute', ({ method, url, config, schema }) => {
    for (const each of [method].flat()) {
      if (each === 'HEAD') continue;
      routes.push({
        method: each,
        path: url,
        role: config?.role ?? roleByMethod(each),
        narrowed: config?.narrowed === true,
        peopleOnly: config?.peopleOnly === true,
        summary: schema?.summary ?? '',
      });
    }
  });
  return routes;
}
