/** Exit codes of every command (docs/reference/cli.md). */
export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/**
 * A failure that the person at the terminal can mend: printed as one line without a stack.
 * `code` is stable and documented; `exitCode` is 1 (failed) or 2 (wrong usage or configuration).
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode: number = EXIT_FAILED) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
  }
}
