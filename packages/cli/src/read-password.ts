/** Passwords from people and scripts: never an argument, which every user of the machine could see. */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { EXIT_USAGE, UserError } from '@weir/base';

const CHARACTERS_MAX = 1024;

/** Asks twice at a terminal, without showing what is typed; elsewhere the first line of standard input is it. */
export async function readNewPassword(): Promise<string> {
  if (!process.stdin.isTTY) return readFirstLine();
  const first = await ask('New password: ');
  const second = await ask('Again: ');
  if (first !== second) throw new UserError('password_differs', 'the two passwords differ');
  return first;
}

async function readFirstLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > CHARACTERS_MAX) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '') {
    throw new UserError('usage_password', 'no password on standard input; allowed: one line', EXIT_USAGE);
  }
  return line;
}

function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  return new Promise((resolve, reject) => {
    terminal.once('line', (line) => {
      terminal.close();
      process.stderr.write('\n');
      resolve(line);
    });
    terminal.once('SIGINT', () => {
      terminal.close();
      process.stderr.write('\n');
      reject(new UserError('interrupted', 'nothing was changed'));
    });
  });
}
