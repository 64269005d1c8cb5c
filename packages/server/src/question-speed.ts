/** How long a question will take, going by how fast this store answered large ones. */

/** Before any was answered: what two cores read of Parquet files in a millisecond, about. */
const ROWS_A_MS_FIRST = 10_000;
/** Smaller answers take their time for other things than reading. */
const ROWS_LEARNT_FROM = 1_000_000;
/** The newest answer counts so much: the machine's mood changes, and so does the width of questions. */
const NEWEST_WEIGHT = 0.3;

export interface QuestionSpeed {
  /** An answer that read about so many rows took so long. */
  learn(rows: number, elapsedMs: number): void;
  expectedMs(rows: number): number;
}

export function createQuestionSpeed(): QuestionSpeed {
  let rowsAMs = ROWS_A_MS_FIRST;
  return {
    learn(rows, elapsedMs) {
      if (rows < ROWS_LEARNT_FROM || elapsedMs <= 0) return;
      rowsAMs += NEWEST_WEIGHT * (rows / elapsedMs - rowsAMs);
    },
    expectedMs: (rows) => Math.round(rows / rowsAMs),
  };
}
