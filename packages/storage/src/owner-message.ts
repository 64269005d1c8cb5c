/** What goes between the owner's thread and the others. */
import type { MessagePort } from 'node:worker_threads';
import { FilterError, type QueryPlan, type TimeRange } from '@weir/analysis';
import { UserError } from '@weir/base';

export type OwnerMessage =
  | {
      readonly kind: 'open' | 'flush' | 'seal' | 'coverage' | 'compact' | 'status' | 'close';
      readonly id: number;
    }
  | { readonly kind: 'query' | 'estimate'; readonly id: number; readonly plan: QueryPlan }
  | { readonly kind: 'sql'; readonly id: number; readonly text: string; readonly range?: TimeRange }
  | { readonly kind: 'check'; readonly id: number; readonly repair: boolean }
  | { readonly kind: 'export'; readonly id: number; readonly range: TimeRange; readonly folder: string }
  | { readonly kind: 'import'; readonly id: number; readonly paths: readonly string[] }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'attach'; readonly port: MessagePort };

export type OwnerReply =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: WireError }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly facts: object;
      readonly message: string;
    };

/** An error as it changes threads: structured cloning keeps no class and no code. */
export type WireError =
  | { readonly kind: 'user'; readonly code: string; readonly message: string; readonly exitCode: number }
  | {
      readonly kind: 'filter';
      readonly message: string;
      readonly position: number;
      readonly expected: readonly string[];
    }
  | { readonly kind: 'other'; readonly message: string };

export function errorToWire(error: unknown): WireError {
  if (error instanceof UserError) {
    return { kind: 'user', code: error.code, message: error.message, exitCode: error.exitCode };
  }
  if (error instanceof FilterError) {
    return { kind: 'filter', message: error.message, position: error.position, expected: error.expected };
  }
  return { kind: 'other', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
