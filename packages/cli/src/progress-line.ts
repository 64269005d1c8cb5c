/** A line at the bottom of a terminal that says that something takes its time. */
import process from 'node:process';
import { durationText } from './quantity-text.ts';

/** Answers that come sooner need no line. */
const SHOWN_AFTER_MS = 700;
const INTERVAL_MS = 120;
const BAR_WIDTH = 20;
const BLOCK_WIDTH = 5;

/** Shows how long `work` has taken, on stderr and only on a terminal, until it is done. */
export async function withProgressLine<Result>(title: string, work: Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) return work;
  const startMs = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs < SHOWN_AFTER_MS) return;
    shown = true;
    process.stderr.write(`\r${title} ${bar(elapsedMs)} ${durationText(elapsedMs)}\u001b[K`);
  }, INTERVAL_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) process.stderr.write('\r\u001b[K');
  }
}

/** A block that goes to and fro: how much is left, nobody knows before the end. */
function bar(elapsedMs: number): string {
  const span = BAR_WIDTH - BLOCK_WIDTH;
  const step = Math.floor(elapsedMs / INTERVAL_MS) % (2 * span);
  const at = step < span ? step : 2 * span - step;
  return `[${' '.repeat(at)}${'='.repeat(BLOCK_WIDTH)}${' '.repeat(span - at)}]`;
}
