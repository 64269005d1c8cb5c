/** Entry of a listener's worker thread, for sources with a socket. */
import { runListenerWorker } from './run-listener-worker.ts';

void runListenerWorker();
