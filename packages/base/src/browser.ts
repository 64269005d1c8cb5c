/** What of `base` runs in a browser too; the door for bundles (package.json, condition `browser`). */
export { AssertionError, assert, ensure } from './assert.ts';
export { type CancelTimer, type Clock, createManualClock, type ManualClock, systemClock } from './clock.ts';
export { type Component, createLifecycle, type Lifecycle } from './component.ts';
export { type Logger, type LogMethod, silentLogger } from './logger.ts';
export { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UserError } from './user-error.ts';
