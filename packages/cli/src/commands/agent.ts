import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { EXIT_USAGE, UserError } from '@weir/base';
import { defaultProfilePath, loadProfile } from '@weir/exporting';
import { z } from 'zod';
import { enrolmentPath, readEnrolment, removeEnrolment, writeEnrolment } from '../agent/enrolment.ts';
import { connectToServer } from '../agent/server-connection.ts';
import { VERSION } from '../status-reader.ts';

interface EnrolOptions {
  readonly token: string;
  readonly profile?: string;
  readonly ca?: string;
}

const enrolledSchema = z.object({ id: z.string(), secret: z.string() });
const refusedSchema = z.object({ error: z.object({ message: z.string() }) });

/** `weir agent enrol SERVER`: from then on the server shows this exporter's settings, and may edit them. */
export async function enrol(server: string, { token, profile, ca }: EnrolOptions): Promise<void> {
  const file = profile ?? defaultProfilePath();
  await loadProfile(file);
  if (readEnrolment(file) !== undefined) {
    throw new UserError(
      'agent_enrolled',
      `${enrolmentPath(file)} is there already; "weir agent leave" removes it`,
    );
  }
  const [secretPart = '', pin] = token.split('.');
  const identity = {
    server: originOf(server),
    pin,
    ca: ca === undefined ? undefined : readFileSync(ca, 'utf8'),
  };
  const connection = connectToServer(identity);
  try {
    const body = {
      token: secretPart,
      name: hostname(),
      platform: `${process.platform} ${process.arch}`,
      version: VERSION,
    };
    const answer = await connection.post('/api/v1/agents/enrol', body);
    if (answer.status !== 200) {
      const refused = refusedSchema.safeParse(answer.body);
      const why = refused.success ? refused.data.error.message : `it answered ${answer.status}`;
      throw new UserError('agent_refused', `${identity.server}: ${why}`);
    }
    const { id, secret } = enrolledSchema.parse(answer.body);
    writeEnrolment(file, {
      version: 1,
      server: identity.server,
      agentId: id,
      secret,
      ...(pin === undefined ? {} : { pin }),
      ...(identity.ca === undefined ? {} : { ca: identity.ca }),
    });
  } finally {
    connection.close();
  }
  process.stdout.write(
    `enrolled at ${identity.server}; the exporter shows itself there from its next start on\n`,
  );
}

/** `weir agent leave`: the server hears nothing more of this exporter, which goes on as its profile says. */
export async function leave({ profile }: { profile?: string }): Promise<void> {
  const file = profile ?? defaultProfilePath();
  const enrolment = readEnrolment(file);
  if (enrolment === undefined) {
    throw new UserError('agent_not_enrolled', `there is no ${enrolmentPath(file)}`, EXIT_USAGE);
  }
  const connection = connectToServer(enrolment);
  try {
    await connection.post('/api/v1/agents/self/leave', {}, `${enrolment.agentId}.${enrolment.secret}`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}; remove the agent there by hand\n`);
  } finally {
    connection.close();
  }
  removeEnrolment(file);
  process.stdout.write(`left ${enrolment.server}; an exporter that runs stops asking at its next start\n`);
}

function originOf(server: string): string {
  const url = URL.parse(server.includes('://') ? server : `https://${server}`);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new UserError(
      'usage_server',
      `${server} is no address of a server, allowed: https://HOST:PORT`,
      EXIT_USAGE,
    );
  }
  return url.origin;
}
