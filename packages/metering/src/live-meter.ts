/**
 * Metering live interfaces, in a thread of its own (live-meter-worker.ts); this is the end that others hold.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { type Component, ensure, type Logger, UserError } from '@weir/base';
import type { CaptureSource, InterfaceState } from '@weir/host';
import type { DropSourceOptions } from './drop-source.ts';
import type { ExcludedSocket } from './excluded-traffic.ts';
import type { FlowCacheOptions } from './flow-cache.ts';
import type { FlowDetailOptions } from './flow-details.ts';
import type { FlowIdKey } from './flow-id.ts';
import type { LiveMeterStatus } from './live-capture.ts';
import type { LiveMeterWorkerData } from './live-meter-worker.ts';

export interface LiveMeterOptions extends Partial<FlowCacheOptions>, FlowDetailOptions {
  /** Names of the interfaces to meter; one thread serves them all. */
  readonly interfaces: readonly string[];
  /** Whether those that do not exist at the start are waited for; else `start` is refused (`interface_unknown`). */
  readonly awaitsInterfaces?: boolean;
  /** Sockets whose traffic is not reported: our own export, the console. */
  readonly excludedSockets?: readonly ExcludedSocket[];
  /** Octets captured of each packet; by default that of the host package, whole packets where names are. */
  readonly snapLength?: number;
  /** Octets of each interface's ring; by default that of the host package. */
  readonly ringOctets?: number;
  readonly promiscuous?: boolean;
  /** Where packets come from; by default `auto`: the kernel's ring where there is one, else libpcap. */
  readonly capture?: CaptureSource;
  /** Where dropped frames are told; their records go the way of all others. */
  readonly dropSources?: readonly DropSourceOptions[];
  /** The key of the hash that makes flowId: flowIdKeyOf a text; by default random. */
  readonly flowIdKey?: FlowIdKey;
}

export interface LiveMeterDependencies {
  /**
   * Takes the FlowBatches: the other end is read with base's receiveBuffers. Given to the thread at start.
   */
  readonly port: MessagePort;
  readonly logger: Logger;
  /** Called when the thread dies of a programmer's mistake; metering has ended then. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * What can be changed while a meter runs, without losing a packet. What is left out is as in options that leave
 * it out.
 */
export type LiveMeterChange = Required<
  Pick<LiveMeterOptions, 'interfaces' | 'idleTimeoutMs' | 'activeTimeoutMs'>
> &
  Pick<LiveMeterOptions, 'tcpPerformance' | 'names' | 'flowIdKey' | 'dropSources'>;

/** What the thread says. */
export type LiveMeterReport =
  | { kind: 'started' | 'status' | 'stopped' | 'adapted'; status: LiveMeterStatus }
  | { kind: 'refused' | 'adaptRefused'; code: string; message: string; exitCode: number }
  | { kind: 'interface'; interfaceName: string; state: InterfaceState };

/** What the thread is told. */
export type LiveMeterRequest =
  | { kind: 'stop' }
  | { kind: 'exclude'; sockets: readonly ExcludedSocket[] }
  | { kind: 'adapt'; change: LiveMeterChange };

export interface LiveMeter extends Component {
  /** As of the last second; the final counts after `stop`. Undefined before `start`. */
  status(): LiveMeterStatus | undefined;
  /**
   * Meters other interfaces, with other timeouts or drop sources, from now on; flows go on, and those of an
   * interface that is no longer metered end with their timeout. Where something else is to be kept of each flow,
   * all flows end with flowEndReason 4 and begin anew. Rejects as `start` does, and then nothing has changed.
   */
  adapt(change: LiveMeterChange): Promise<void>;
  /** Replaces the sockets whose traffic is not reported. */
  exclude(sockets: readonly ExcludedSocket[]): void;
}

/**
 * Creates a meter of live interfaces. `start` resolves when every ring and drop source is open and throws a
 * UserError when one is refused (`capture_denied`, `interface_unknown`, `nflog_denied`, `drop_source_failed`,
 * …). `stop` ends all flows with flowEndReason 4 and resolves when the consumer has taken every record.
 */
export function createLiveMeter(options: LiveMeterOptions, dependencies: LiveMeterDependencies): LiveMeter {
  const { port, logger, onFailure } = dependencies;
  let worker: Worker | undefined;
  let exited: Promise<void> | undefined;
  let latest: LiveMeterStatus | undefined;
  let excluded = options.excludedSockets;

  function launch(): Worker {
    const workerData: LiveMeterWorkerData = {
      options: { ...options, ...(excluded === undefined ? {} : { excludedSockets: excluded }) },
      batchPort: port,
    };
    const launched = new Worker(new URL('./live-meter-worker.ts', import.meta.url), {
      name: 'metering',
      workerData,
      transferList: [port],
    });
    exited = new Promise((resolve) => launched.once('exit', () => resolve()));
    return launched;
  }

  function take(message: LiveMeterReport): void {
    switch (message.kind) {
      case 'interface':
        logger.warn(
          { interface: message.interfaceName, state: message.state },
          'an interface changed its state',
        );
        break;
      case 'refused':
      case 'adaptRefused':
        break;
      default:
        latest = message.status;
    }
  }

  async function adapt(change: LiveMeterChange): Promise<void> {
    const running = ensure(worker, 'only a meter that runs is adapted');
    await new Promise<void>((resolve, reject) => {
      function hear(message: LiveMeterReport): void {
        if (message.kind !== 'adapted' && message.kind !== 'adaptRefused') return;
        running.off('message', hear);
        running.off('error', reject);
        if (!('code' in message)) resolve();
        else reject(new UserError(message.code, message.message, message.exitCode));
      }
      running.on('message', hear);
      running.once('error', reject);
      running.postMessage({ kind: 'adapt', change } satisfies LiveMeterRequest);
    });
    const { interfaces, idleTimeoutMs, activeTimeoutMs } = change;
    logger.info({ interfaces, idleTimeoutMs, activeTimeoutMs }, 'metering');
  }

  return {
    status: () => latest,
    adapt,
    exclude(sockets) {
      excluded = sockets;
      worker?.postMessage({ kind: 'exclude', sockets } satisfies LiveMeterRequest);
    },
    async start() {
      const launched = launch();
      await new Promise<void>((resolve, reject) => {
        launched.on('message', (message: LiveMeterReport) => {
          take(message);
          if (message.kind === 'started') resolve();
          if (message.kind === 'refused') {
            reject(new UserError(message.code, message.message, message.exitCode));
          }
        });
        launched.on('error', (error: Error) => {
          reject(error);
          logger.error({ error: String(error.stack) }, 'the metering thread died');
          onFailure?.(error);
        });
      });
      worker = launched;
      logger.info({ interfaces: options.interfaces }, 'metering');
    },
    async stop() {
      if (worker === undefined) return;
      worker.postMessage({ kind: 'stop' } satisfies LiveMeterRequest);
      await ensure(exited, 'a started worker has an exit to wait for');
      worker = undefined;
    },
  };
}
