import { generateRecords } from '@weir/collecting';
import { parseUdpEndpoint } from '../endpoint.ts';
import { parseWholeNumber } from '../quantity.ts';
import { stopSignal } from '../stop-signal.ts';

interface GenerateOptions {
  to: string;
  records: string;
  rate?: string;
  seed: string;
}

/** `weir generate`: sends generated flow records and prints what a store must show of them. */
export async function generate(options: GenerateOptions): Promise<void> {
  const to = parseUdpEndpoint(options.to, '--to');
  const rate = options.rate === undefined ? undefined : parseWholeNumber(options.rate, '--rate', 1, 1e8);
  const result = await generateRecords(to, {
    records: parseWholeNumber(options.records, '--records', 1, 1e12),
    seed: parseWholeNumber(options.seed, '--seed', 0, 2 ** 32 - 1),
    signal: stopSignal(),
    ...(rate === undefined ? {} : { rate }),
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
