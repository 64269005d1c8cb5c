import { FilterError, isPlanError } from '@weir/analysis';
import { UserError } from '@weir/base';
import { ZodError } from 'zod';
import type { Problem } from './answers.ts';
import { ParameterError } from './parameters.ts';
import { GateError } from './query-gate.ts';

/** Nobody reads the answer: the client went away (nginx's number for it; only counters see it). */
export const STATUS_CLIENT_GONE = 499;

/** An error as the API answers it. What is not the asker's fault is answered without its details. */
export function problemOf(error: unknown): { status: number; problem: Problem } {
  if (error instanceof FilterError) {
    const { position, expected } = error;
    const message = `Filter, position ${position + 1}: ${error.message}${expectedText(expected)}.`;
    return { status: 400, problem: { code: 'filter', message, position, expected: [...expected] } };
  }
  if (error instanceof ZodError) return bad('parameter', parameterMessage(error));
  if (error instanceof ParameterError) return bad('parameter', error.message);
  if (isPlanError(error)) return bad('plan', error.message);
  if (error instanceof UserError) {
    const status = statusOfUserError(error.code);
    if (status !== undefined) return { status, problem: { code: error.code, message: error.message } };
  }
  if (error instanceof GateError) {
    return {
      status: error.code === 'busy' ? 503 : 504,
      problem: { code: error.code, message: error.message },
    };
  }
  const status = httpStatusOf(error);
  if (status !== undefined)
    return { status, problem: { code: 'request', message: String((error as Error).message) } };
  return { status: 500, problem: { code: 'internal', message: 'The question failed; the log says why.' } };
}

/** The end of its code says what an error means to who asked; `_invalid`: what was sent cannot be used. */
function statusOfUserError(code: string): number | undefined {
  if (code.endsWith('_invalid')) return 400;
  if (code.endsWith('_unknown')) return 404;
  if (code.endsWith('_conflict')) return 409;
  if (code.endsWith('_busy')) return 503;
  if (code.endsWith('_timeout')) return 504;
  return undefined;
}

function expectedText(expected: readonly string[]): string {
  return expected.length === 0 ? '' : `; expected ${expected.join(', ')}`;
}

const bad = (code: string, message: string) => ({ status: 400, problem: { code, message } });

function parameterMessage(error: ZodError): string {
  return error.issues
    .map((issue) => {
      const name =
        issue.path.join('.') || (issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : 'request');
      return `${name}: ${issue.code === 'unrecognized_keys' ? 'there is no such parameter' : issue.message}`;
    })
    .join('; ');
}

/** Fastify's own errors (too large, not JSON) carry the status that they mean. */
function httpStatusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}
