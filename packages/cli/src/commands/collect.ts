import { isatty } from 'node:tty';
import { createStderrLogger, EXIT_USAGE, type Logger, UserError } from '@weir/base';
import {
  checkCollectorFiles,
  type FlowSource,
  type FlowSourceOrigin,
  flowSourceOfListen,
  flowSourcesInFile,
  formatCollectorConfig,
  type HttpSettings,
  parseListen,
  type TlsSettings,
} from '@weir/collecting';
import { type CollectorDevice, createCollectorDevice } from '../collector-device.ts';
import { parseEndpoint } from '../endpoint.ts';
import { flowSourcesInData, flowSourcesOfListen } from '../flow-source-places.ts';
import { dropPrivileges, findRunAs, type RunAs } from '../privileges.ts';
import { parseLogLevel } from '../quantity.ts';
import { type RetentionOptions, readRetention } from '../retention-options.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';

interface CollectOptions extends RetentionOptions {
  config?: string;
  data: string;
  listen: readonly string[];
  tlsCertificate?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  tlsSubject: readonly string[];
  http: string | false;
  check?: true;
  printConfig?: true;
  user?: string;
  logLevel: string;
}

/** `weir collect`: collects until it is told to stop. */
export async function collect(options: CollectOptions): Promise<void> {
  const origin = originOf(options);
  const sources = origin.read();
  const http = options.http === false ? undefined : parseEndpoint(options.http, '--http');
  const logger = createStderrLogger('collect', parseLogLevel(options.logLevel));
  if (options.printConfig) {
    process.stdout.write(formatCollectorConfig({ sources, ...origin.exporters() }));
    return;
  }
  if (options.check) {
    await checkCollectorFiles({ sources, ...origin.exporters() });
    process.stdout.write(`${options.config ?? 'configuration'}: valid, ${sources.length} flow sources\n`);
    return;
  }
  const runAs = findUser(options, origin.exporters().runAs);
  const stop = stopSignal();
  const device = createCollectorDevice({
    dataDirectory: options.data,
    origin,
    tolerant: options.config === undefined && options.listen.length === 0,
    http,
    metering: { state: 'off', reason: 'weir collect does not meter', interfaces: [] },
    demoSource: undefined,
    store: readRetention(options),
    logger,
  });
  await device.start();
  const { http: served } = origin.exporters();
  if (runAs !== undefined) {
    dropPrivileges(runAs, options.data, filesReadAgain(options, sources, served), logger);
  }
  reloadOnHangUp(device, origin, logger);
  logger.info(`collecting into ${options.data}; Ctrl-C ends`);
  await untilAborted(stop);
  await device.stop();
}

/** As whom to go on: `--user` goes before what the configuration says. */
function findUser({ user, data }: CollectOptions, configured: string | undefined): RunAs | undefined {
  if (user !== undefined) return findRunAs(user, data, '--user');
  return configured === undefined ? undefined : findRunAs(configured, data, 'runAs');
}

/** What is opened again while the collector runs: certificates that are renewed, the configuration, our own code. */
function filesReadAgain(
  { config }: CollectOptions,
  sources: readonly FlowSource[],
  served: HttpSettings | undefined,
): string[] {
  const certificates = sources.flatMap(({ enabled, tls }) =>
    enabled && tls !== undefined ? [tls.certificate, tls.key, tls.clientCa] : [],
  );
  const own = [served?.tls?.certificate, served?.tls?.key];
  return [import.meta.filename, config, ...certificates, ...own].filter((file) => file !== undefined);
}

/**
 * SIGHUP: the configuration is read again, and what differs is deployed. Where the terminal that it was started from
 * is gone, it means to end.
 */
function reloadOnHangUp(device: CollectorDevice, origin: FlowSourceOrigin, logger: Logger): void {
  const startedOnTerminal = isatty(0);
  process.on('SIGHUP', () => {
    if (startedOnTerminal && !isatty(0)) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    logger.info(`SIGHUP: ${origin.name} is read again`);
    device.reload().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error(`not all of it can be used; what cannot stays as it was: ${reason}`);
    });
  });
}

/** The sources of the configuration file, or of `--listen`, or those of the data folder. */
function originOf(options: CollectOptions): FlowSourceOrigin {
  const { config, listen } = options;
  if (config !== undefined && listen.length > 0) {
    throw new UserError(
      'usage_sources',
      '--config and --listen both say where to collect; use one',
      EXIT_USAGE,
    );
  }
  if (config !== undefined) return flowSourcesInFile(config);
  if (listen.length === 0) return flowSourcesInData(options.data);
  const tls = tlsOf(options);
  const addresses = listen.map(parseListen);
  if (tls === undefined && addresses.some(({ transport }) => transport === 'tls')) throw incompleteTls();
  return flowSourcesOfListen(addresses.map((address) => flowSourceOfListen(address, tls)));
}

/** What `--listen tls/…` needs; undefined where no option says anything of TLS. */
function tlsOf({ tlsCertificate, tlsKey, tlsClientCa, tlsSubject }: CollectOptions): TlsSettings | undefined {
  if (tlsCertificate === undefined && tlsKey === undefined) {
    if (tlsClientCa === undefined && tlsSubject.length === 0) return undefined;
  }
  if (tlsCertificate === undefined || tlsKey === undefined) {
    throw incompleteTls();
  }
  return {
    certificate: tlsCertificate,
    key: tlsKey,
    ...(tlsClientCa === undefined ? {} : { clientCa: tlsClientCa }),
    ...(tlsSubject.length === 0 ? {} : { subjects: [...tlsSubject] }),
  };
}

function incompleteTls(): UserError {
  const message = 'tls/ needs --tls-certificate and --tls-key; allowed: both, as files in PEM';
  return new UserError('usage_tls', message, EXIT_USAGE);
}
