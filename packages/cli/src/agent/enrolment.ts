/** What an exporter keeps of its enrolment at a Weir server: a file beside its profile, for its own eyes only. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { EXIT_USAGE, UserError } from '@weir/base';
import { z } from 'zod';

const enrolmentSchema = z.object({
  version: z.literal(1),
  /** Origin of the server, `https://weir.example.net:8443`. */
  server: z.url(),
  agentId: z.string().min(1).max(100),
  secret: z.string().min(1).max(200),
  /** SHA-256 of the server's public key, base64url: the only one that is trusted, whoever vouches for another. */
  pin: z.string().optional(),
  /** PEM of the authority that vouches for the server. */
  ca: z.string().optional(),
});

export type Enrolment = z.infer<typeof enrolmentSchema>;

export const enrolmentPath = (profileFile: string): string => `${profileFile}.agent.json`;

/** undefined when there is none. Throws a UserError when there is one that cannot be used. */
export function readEnrolment(profileFile: string): Enrolment | undefined {
  const file = enrolmentPath(profileFile);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, (error as Error).message);
  }
  try {
    return enrolmentSchema.parse(JSON.parse(text));
  } catch {
    throw unusable(file, 'it is not what "weir agent enrol" wrote');
  }
}

export function writeEnrolment(profileFile: string, enrolment: Enrolment): void {
  writeFileSync(enrolmentPath(profileFile), `${JSON.stringify(enrolment, null, 2)}\n`, { mode: 0o600 });
}

export function removeEnrolment(profileFile: string): void {
  rmSync(enrolmentPath(profileFile), { force: true });
}

function unusable(file: string, reason: string): UserError {
  return new UserError('enrolment_unusable', `${file}: ${reason}; enrol again, or remove it`, EXIT_USAGE);
}
