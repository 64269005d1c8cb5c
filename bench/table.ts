import { execFileSync } from 'node:child_process';
import os from 'node:os';
import process from 'node:process';

/** Prints rows as a Markdown table, with the machine and the command above it. */
export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown processor';
  const memoryGiB = Math.round(os.totalmem() / 2 ** 30);
  const revision = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  console.log(`\n## ${title}`);
  console.log(
    `${os.cpus().length} × ${cpu}, ${memoryGiB} GiB, Linux ${os.release()}, Node ${process.version}, ${revision}, ${new Date().toISOString().slice(0, 10)}`,
  );
  const widths = header.map((cell, index) =>
    Math.max(cell.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  console.log(line(header));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const row of rows) console.log(line(row));
}

/** The middle of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
