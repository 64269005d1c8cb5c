/**
 * What exporters are called: as configured, else as option records say, else as reverse DNS says where that is
 * switched on, else by their address.
 */
import { Resolver } from 'node:dns/promises';
import type { Clock } from '@weir/base';
import type { ExporterSettings } from './exporter-settings.ts';

export const EXPORTER_NAME_ORIGINS = ['configured', 'told', 'dns', 'address'] as const;
export type ExporterNameOrigin = (typeof EXPORTER_NAME_ORIGINS)[number];

export interface ExporterName {
  readonly name: string;
  readonly origin: ExporterNameOrigin;
}

export interface ExporterNames {
  /** Never waits: a name that DNS knows is there when it is asked for again. */
  nameOf(exporter: { readonly address: string; readonly toldName: string | undefined }): ExporterName;
}

export interface ExporterNamesOptions {
  settings: readonly ExporterSettings[];
  clock: Clock;
  /** Answers the names of an address, or rejects; undefined where nobody is to be asked. */
  reverse: ((address: string) => Promise<string[]>) | undefined;
}

/** As many as are told of at once. */
const ANSWERS_MAX = 4096;
/** Addresses change their names rarely; one without a name is asked for again sooner. */
const ANSWER_HOLDS_MS = 3_600_000;
const NO_ANSWER_HOLDS_MS = 600_000;
const ASKED_AT_ONCE_MAX = 8;
const DNS_TIMEOUT_MS = 2000;

/** Reverse look-ups with the machine's resolvers. */
export function reverseDns(): (address: string) => Promise<string[]> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 });
  return (address) => resolver.reverse(address);
}

export function createExporterNames({ settings, clock, reverse }: ExporterNamesOptions): ExporterNames {
  const configured = new Map(settings.map(({ address, name }) => [address, name]));
  const answers = new Map<string, { name: string | undefined; untilMs: number }>();
  let asked = 0;

  async function ask(address: string): Promise<void> {
    if (reverse === undefined || asked >= ASKED_AT_ONCE_MAX) return;
    asked += 1;
    const untilMs = clock.monotonicMs() + NO_ANSWER_HOLDS_MS;
    answers.set(address, { name: answers.get(address)?.name, untilMs });
    if (answers.size > ANSWERS_MAX) forgetOldest();
    try {
      const [name] = await reverse(address);
      if (name !== undefined) answers.set(address, { name, untilMs: clock.monotonicMs() + ANSWER_HOLDS_MS });
    } catch {
      // No name, or no resolver: the address stands for itself until it is asked for again.
    } finally {
      asked -= 1;
    }
  }

  function forgetOldest(): void {
    for (const address of answers.keys()) {
      answers.delete(address);
      return;
    }
  }

  function dnsName(address: string): string | undefined {
    if (reverse === undefined) return undefined;
    const answer = answers.get(address);
    if (answer === undefined || answer.untilMs < clock.monotonicMs()) void ask(address);
    return answer?.name;
  }

  return {
    nameOf({ address, toldName }) {
      const given = configured.get(address);
      if (given !== undefined) return { name: given, origin: 'configured' };
      if (toldName !== undefined) return { name: toldName, origin: 'told' };
      const found = dnsName(address);
      return found === undefined ? { name: address, origin: 'address' } : { name: found, origin: 'dns' };
    },
  };
}
