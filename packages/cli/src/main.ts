import process from 'node:process';
import { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UserError } from '@weir/base';
import { CommanderError } from 'commander';
import { createProgram } from './program.ts';

/** Runs one command line and sets the exit code: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function main(argv: readonly string[]): Promise<void> {
  leaveQuietlyWhenReaderIsGone();
  try {
    await createProgram(argv[2]).parseAsync([...argv]);
  } catch (error) {
    process.exitCode = reportFailure(error);
    // What a mistake of ours left open must not keep a process that does nothing and hears no signal.
    if (!(error instanceof CommanderError || error instanceof UserError)) process.exit();
  }
}

/** Prints what went wrong, a stack only for what is our own mistake, and returns the exit code. */
function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  }
  if (error instanceof UserError) {
    process.stderr.write(`weir: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`weir: unexpected failure: ${error instanceof Error ? error.stack : String(error)}\n`);
  return EXIT_FAILED;
}

/** `weir decode F | head` closes our stdout early: that is the reader's right and no failure. */
function leaveQuietlyWhenReaderIsGone(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_DONE);
    throw error;
  });
}
