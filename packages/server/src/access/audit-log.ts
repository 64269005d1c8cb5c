/**
 * Who changed what, and who was refused: one JSON object a line in `audit.log`, the newest last. A file that is full is
 * kept as `audit.log.1` and so on; the oldest goes.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Clock, Logger } from '@weir/base';
import { z } from 'zod';

const FILE_OCTETS_MAX = 4 * 1024 * 1024;
const FILES_KEPT = 8;
const FILE_MODE = 0o600;
const TEXT_CHARACTERS_MAX = 200;
const DETAIL_CHARACTERS_MAX = 1000;

export const auditEntrySchema = z.object({
  at: z.string().describe('ISO 8601'),
  by: z.string().describe('Name of the user; `local` for somebody on this machine who need not log in'),
  kind: z.string().describe('local, user, oidc, token, process; nobody: not logged in'),
  from: z.string().describe('Address'),
  action: z.string().describe('What was asked: method and path, or log in, log out, set up'),
  outcome: z.enum(['done', 'refused', 'failed']),
  detail: z.unknown().optional().describe('What was sent, without secrets, or why it was refused'),
});
export type AuditEntry = Readonly<z.infer<typeof auditEntrySchema>>;

export interface AskedEntries {
  /** Only entries that hold this text, in whatever case. */
  readonly text?: string;
  readonly outcome?: AuditEntry['outcome'] | undefined;
}

export interface AuditLog {
  write(entry: Omit<AuditEntry, 'at'>): void;
  /** The newest entries first, at most `limit` of those that are asked for. */
  read(limit: number, asked?: AskedEntries): AuditEntry[];
}

export function createAuditLog(directory: string, clock: Clock, logger: Logger): AuditLog {
  const file = path.join(directory, 'audit.log');
  const nameOf = (number: number): string => (number === 0 ? file : `${file}.${number}`);

  function rotateWhenFull(): void {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < FILE_OCTETS_MAX) return;
    for (let number = FILES_KEPT - 1; number > 0; number -= 1) {
      if (statSync(nameOf(number - 1), { throwIfNoEntry: false }) === undefined) continue;
      renameSync(nameOf(number - 1), nameOf(number));
    }
  }

  return {
    write({ by, kind, from, action, outcome, detail }) {
      const entry: AuditEntry = {
        at: new Date(clock.nowMs()).toISOString(),
        by: shorten(by),
        kind,
        from: shorten(from),
        action: shorten(action),
        outcome,
        ...(detail === undefined ? {} : { detail: shortDetail(detail) }),
      };
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        rotateWhenFull();
        appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: FILE_MODE });
      } catch (error) {
        logger.error({ error: String(error), ...entry }, 'the audit log cannot be written');
      }
    },
    read(limit, { text = '', outcome } = {}) {
      const wanted = text.toLowerCase();
      const found: AuditEntry[] = [];
      for (let number = 0; number < FILES_KEPT && found.length < limit; number += 1) {
        for (const line of linesOf(nameOf(number)).reverse()) {
          if (!line.toLowerCase().includes(wanted)) continue; // before it is parsed: there may be 32 MiB of them
          const entry = parseEntry(line);
          if (entry !== undefined && entry.outcome === (outcome ?? entry.outcome)) found.push(entry);
          if (found.length >= limit) break;
        }
      }
      return found;
    },
  };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return []; // there is none yet
  }
}

/** A line that a crash cut short is left out. */
function parseEntry(line: string): AuditEntry | undefined {
  try {
    return auditEntrySchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

const shorten = (text: string): string => text.slice(0, TEXT_CHARACTERS_MAX);

/** Names of properties whose values are nobody's business. */
const SECRET = /password|secret|token|^key$|credential/i;

function shortDetail(detail: unknown): unknown {
  const text =
    JSON.stringify(detail, (name, value: unknown) => (SECRET.test(name) ? '(not written)' : value)) ?? '';
  return text.length <= DETAIL_CHARACTERS_MAX ? JSON.parse(text) : `${text.slice(0, DETAIL_CHARACTERS_MAX)}…`;
}
