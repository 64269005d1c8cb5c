/** Runs the real `weir` as a child process, the way a person does. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
/** A command that has not ended or said its word by then is stuck. */
const PATIENCE_MS = 60_000;

export interface Finished {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end; `program` is another weir than that of the repository. */
export function runWeir(
  args: readonly string[],
  options: { cwd?: string; prefix?: readonly string[]; program?: string } = {},
): Finished {
  const program = options.program ?? BIN;
  const [command = '', ...rest] = [...(options.prefix ?? []), process.execPath, program, ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    maxBuffer: 1 << 28,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return { status: status ?? -1, stdout, stderr };
}

/** A command that runs until it is told to stop. */
export interface RunningWeir {
  /** Resolves with the first line on stdout or stderr that matches. */
  said(pattern: RegExp): Promise<string>;
  output(): string;
  pid: number;
  /** Sends the signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>;
}

/** Starts a command, for example in a namespace by `prefix: ['ip', 'netns', 'exec', name]`. */
export function startWeir(
  args: readonly string[],
  prefix: readonly string[] = [],
  program: string = BIN,
): RunningWeir {
  const [command = '', ...rest] = [...prefix, process.execPath, program, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listeners = new Set<() => void>();
  function heard(chunk: Buffer): void {
    output += chunk.toString('utf8');
    for (const listener of listeners) listener();
  }
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? -1)));

  return {
    pid: child.pid ?? -1,
    output: () => output,
    said: (pattern) =>
      waitFor(
        () => lineMatching(output, pattern),
        child,
        () => `${args.join(' ')} said:\n${output}`,
      ),
    async stop(signal = 'SIGINT') {
      child.kill(signal);
      return ended;
    },
  };

  function lineMatching(text: string, pattern: RegExp): string | undefined {
    return text.split('\n').find((line) => pattern.test(line));
  }

  async function waitFor<T>(
    look: () => T | undefined,
    process_: ChildProcess,
    complaint: () => string,
  ): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let found = look(); ; found = look()) {
      if (found !== undefined) return found;
      if (Date.now() > deadline || process_.exitCode !== null) throw new Error(complaint());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Asks again until the answer satisfies, and returns it; fails with the last answer when patience ends. */
export async function eventually<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not satisfied by ${JSON.stringify(answer)?.slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
