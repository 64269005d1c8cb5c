/** One log line: an optional object of facts, then a sentence. */
export interface LogMethod {
  (message: string): void;
  (facts: object, message: string): void;
}

/** What a component may log with; pino satisfies it. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

const nothing: LogMethod = () => {};

/** Swallows every line; the default in tests. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
