import { spawn } from 'node:child_process';
import { createStderrLogger, systemClock } from '@weir/base';
import { shortenLog } from '../background-log.ts';
import { WEIR_PROGRAM } from '../places.ts';
import {
  processStartOf,
  type ServiceState,
  type SupervisorRecord,
  serviceStateOf,
  writeSupervisorRecord,
} from '../service-state.ts';
import { createSupervisor, type SupervisedProcess } from '../supervisor.ts';

const LOG_LOOK_INTERVAL_MS = 60_000;

/**
 * `weir supervise`, which `weir start` puts into the background: runs `weir export` with `exportArguments`
 * and starts it again when it crashes. It ends when the exporter was told to stop.
 */
export async function supervise(profile: string, root: string, exportArguments: readonly string[]) {
  const state = serviceStateOf(profile, root);
  const logger = createStderrLogger('supervise');
  const supervisor = createSupervisor({
    launch: () => launch(state, exportArguments),
    clock: systemClock,
    logger,
    onChange: record,
  });

  function record(): void {
    const { restarts, lastExit, pid: exporterPid } = supervisor;
    const said: SupervisorRecord = {
      pid: process.pid,
      processStart: processStartOf(process.pid),
      exportArguments,
      restarts,
      ...(lastExit === undefined ? {} : { lastExit }),
      ...(exporterPid === undefined ? {} : { exporterPid }),
    };
    writeSupervisorRecord(state.supervisorFile, said);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => supervisor.signal('SIGTERM'));
  process.on('SIGHUP', () => supervisor.signal('SIGHUP'));
  const look = setInterval(() => shortenLog(state.logFile), LOG_LOOK_INTERVAL_MS);
  process.exitCode = await supervisor.run();
  clearInterval(look);
}

/** The exporter logs into the file that the supervisor logs into. */
function launch(
  { profileFile, folder }: ServiceState,
  exportArguments: readonly string[],
): SupervisedProcess {
  const args = ['export', '--profile', profileFile, '--state', folder, ...exportArguments];
  const child = spawn(process.execPath, [WEIR_PROGRAM, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  return {
    pid: child.pid ?? -1,
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => {
      child.on('error', () => resolve(1));
      child.on('exit', (code, signal) => resolve(code ?? signal ?? 1));
    }),
  };
}
