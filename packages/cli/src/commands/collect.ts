import { readFileSync } from 'node:fs';
import { createStderrLogger, EXIT_USAGE, UserError } from '@weir/base';
import {
  type CollectorConfig,
  defaultFlowSources,
  flowSourceOfListen,
  formatCollectorConfig,
  parseCollectorConfig,
  parseListen,
  type TlsSettings,
} from '@weir/collecting';
import { createCollectorDevice } from '../collector-device.ts';
import { parseEndpoint } from '../endpoint.ts';
import { parseLogLevel } from '../quantity.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';

interface CollectOptions {
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
  logLevel: string;
}

/** `weir collect`: collects until it is told to stop. */
export async function collect(options: CollectOptions): Promise<void> {
  const config = configOf(options);
  const http = options.http === false ? undefined : parseEndpoint(options.http, '--http');
  const logger = createStderrLogger('collect', parseLogLevel(options.logLevel));
  if (options.printConfig) {
    process.stdout.write(formatCollectorConfig(config));
    return;
  }
  if (options.check) {
    process.stdout.write(
      `${options.config ?? 'configuration'}: valid, ${config.sources.length} flow sources\n`,
    );
    return;
  }
  const stop = stopSignal();
  const device = createCollectorDevice({
    dataDirectory: options.data,
    sources: config.sources,
    http,
    metering: { state: 'off', reason: 'weir collect does not meter', interfaces: [] },
    demoSource: undefined,
    logger,
  });
  await device.start();
  logger.info(`collecting into ${options.data}; Ctrl-C ends`);
  await untilAborted(stop);
  await device.stop();
}

/** The sources of the configuration file, or of `--listen`, or those that exist from the start. */
function configOf(options: CollectOptions): CollectorConfig {
  const { config, listen } = options;
  if (config !== undefined && listen.length > 0) {
    throw new UserError(
      'usage_sources',
      '--config and --listen both say where to collect; use one',
      EXIT_USAGE,
    );
  }
  if (config !== undefined) return parseCollectorConfig(readConfig(config), config);
  if (listen.length > 0) {
    const tls = tlsOf(options);
    const addresses = listen.map(parseListen);
    if (tls === undefined && addresses.some(({ transport }) => transport === 'tls')) throw incompleteTls();
    return { sources: addresses.map((address) => flowSourceOfListen(address, tls)) };
  }
  return { sources: defaultFlowSources() };
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

function readConfig(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'config_unreadable',
      `${file}: cannot be read (${(error as Error).message})`,
      EXIT_USAGE,
    );
  }
}
