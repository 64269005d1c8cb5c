/**
 * How many records were lost on the way when a connection broke, or when we were killed: those that an exporter
 * says it had sent, less those that the store has of the same time. TCP acknowledges octets to the kernel, not
 * records to the store, so only the two counts together tell. Kept in a file, so that a killed collector's
 * successor can tell it too.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@weir/base';
import { replaceFile } from '@weir/base';
import { z } from 'zod';
import type { DeliveryStatement } from './delivery-statements.ts';

/** What was lost of one observation domain of one exporter over TCP or TLS, since its first session here. */
export interface DeliveryLoss {
  readonly address: string;
  readonly observationDomainId: number;
  readonly source: string;
  readonly recordsLost: number;
  /** When it was noticed last; 0 for never. */
  readonly lastLossAtMs: number;
}

/** Counts the records in the store that were received in [fromMs, toMs). */
export type CountRecords = (
  exporter: Pick<DeliveryStatement, 'address' | 'observationDomainId' | 'source'>,
  fromMs: number,
  toMs: number,
) => Promise<number>;

export interface DeliveryAudit {
  /** Takes what listeners heard. Resolves when what is settled of it was counted and written down. */
  audit(statements: readonly DeliveryStatement[], nowMs: number): Promise<void>;
  losses(): DeliveryLoss[];
}

export interface DeliveryAuditOptions {
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly countRecords: CountRecords;
}

const FILE_NAME = 'deliveries.json';
/** After so long what was received is stored, or was given up and counted (batch-writer.ts). */
const SETTLED_AFTER_MS = 15_000;
/** The exporters that a decoder keeps; the one that was heard of longest ago goes first. */
const ACCOUNTS_MAX = 16_384;

const accountSchema = z.object({
  address: z.string().max(64),
  observationDomainId: z.int().min(0).max(0xffffffff),
  source: z.string().max(256),
  records: z.number().min(0),
  atMs: z.number(),
  recordsLost: z.number().min(0),
  lastLossAtMs: z.number(),
});
const fileSchema = z.object({ version: z.literal(1), accounts: z.array(accountSchema) });

/** `records` were sent until `atMs`, of which `recordsLost` did not arrive. */
type Account = Readonly<z.infer<typeof accountSchema>>;

/** Opens the audit with what an earlier collector wrote down; a damaged file is said and taken as empty. */
export async function openDeliveryAudit(options: DeliveryAuditOptions): Promise<DeliveryAudit> {
  const { logger, countRecords } = options;
  const path = join(options.dataDirectory, FILE_NAME);
  const accounts = new Map((await readAccounts(path, logger)).map((account) => [keyOf(account), account]));
  let unsettled: DeliveryStatement[] = [];
  let auditing: Promise<void> = Promise.resolve();

  function put(account: Account): void {
    const key = keyOf(account);
    accounts.delete(key);
    accounts.set(key, account);
    const [oldest] = accounts.keys();
    if (accounts.size > ACCOUNTS_MAX && oldest !== undefined) accounts.delete(oldest);
  }

  async function settle(statement: DeliveryStatement): Promise<void> {
    const { kind: _, ...stated } = statement;
    const account = accounts.get(keyOf(statement));
    if (account === undefined) {
      put({ ...stated, recordsLost: 0, lastLossAtMs: 0 });
      return;
    }
    if (stated.atMs <= account.atMs) return;
    const lost = statement.kind === 'begin' ? await lostSince(account, statement) : 0;
    const { recordsLost, lastLossAtMs } = account;
    const noticedAtMs = lost > 0 ? statement.atMs : lastLossAtMs;
    put({ ...stated, recordsLost: recordsLost + lost, lastLossAtMs: noticedAtMs });
  }

  /** An exporter that says less than before has begun to count anew: what it had sent is not known. */
  async function lostSince(account: Account, statement: DeliveryStatement): Promise<number> {
    const sent = statement.records - account.records;
    if (sent <= 0) return 0;
    const lost = Math.max(0, sent - (await countRecords(account, account.atMs, statement.atMs)));
    const { address, observationDomainId, source } = account;
    if (lost > 0) {
      logger.warn(
        { exporter: address, observationDomainId, source, sent, lost },
        `${lost} of ${sent} records were lost on the way when the connection broke or the collector was killed`,
      );
    }
    return lost;
  }

  async function audit(statements: readonly DeliveryStatement[], nowMs: number): Promise<void> {
    unsettled.push(...statements);
    const isSettled = (statement: DeliveryStatement) =>
      nowMs - statement.atMs >= SETTLED_AFTER_MS || !accounts.has(keyOf(statement));
    const waiting: DeliveryStatement[] = [];
    const before = unsettled.length;
    for (const statement of unsettled) {
      if (isSettled(statement)) await settle(statement);
      else waiting.push(statement);
    }
    unsettled = waiting;
    if (waiting.length === before) return;
    await replaceFile(path, JSON.stringify({ version: 1, accounts: [...accounts.values()] }));
  }

  return {
    audit(statements, nowMs) {
      auditing = auditing
        .then(() => audit(statements, nowMs))
        .catch((error: unknown) => {
          logger.warn(
            { error: String(error) },
            'what was lost on the way could not be counted or written down',
          );
        });
      return auditing;
    },
    losses: () =>
      Array.from(accounts.values(), ({ records: _, atMs: __, ...loss }) => loss).filter(
        ({ recordsLost }) => recordsLost > 0,
      ),
  };
}

function keyOf({
  address,
  observationDomainId,
  source,
}: Omit<DeliveryLoss, 'recordsLost' | 'lastLossAtMs'>): string {
  return `${observationDomainId}\n${address}\n${source}`;
}

async function readAccounts(path: string, logger: Logger): Promise<readonly Account[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return [];
  }
  try {
    return fileSchema.parse(JSON.parse(text)).accounts;
  } catch {
    logger.warn({ path }, 'the saved accounts of deliveries are damaged and are not used');
    return [];
  }
}
