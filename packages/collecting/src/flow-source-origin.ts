import { readFileSync } from 'node:fs';
import { checkReplaceable, EXIT_USAGE, replaceFile, UserError } from '@weir/base';
import { type ExporterConfig, parseCollectorConfig } from './collector-config.ts';
import { editCollectorConfig } from './collector-config-edit.ts';
import type { FlowSource } from './flow-source.ts';

/** Where a collector's sources are written down. */
export interface FlowSourceOrigin {
  /** For people: the file, or what else says it. */
  readonly name: string;
  /** Why they cannot be changed here; undefined when they can. */
  readonly fixedBecause: string | undefined;
  /** The sources. Throws UserError when they cannot be read or used. */
  read(): readonly FlowSource[];
  /** What stands beside the sources, as it was when they were last read. */
  exporters(): ExporterConfig;
  /** Rejects with UserError when `save` could not write, or would write over what somebody else wrote. */
  checkSavable(): Promise<void>;
  /** Writes the sources down. Rejects with UserError when they cannot be written. */
  save(sources: readonly FlowSource[]): Promise<void>;
}

/** Sources that are not written down anywhere. */
export function fixedFlowSources(sources: readonly FlowSource[], because: string): FlowSourceOrigin {
  const refuse = () => Promise.reject(new UserError('flow_sources_fixed', because));
  return {
    name: 'the command line',
    fixedBecause: because,
    read: () => sources,
    exporters: () => ({}),
    checkSavable: refuse,
    save: refuse,
  };
}

/**
 * Sources in a configuration file. Where it may be missing, `missing` are the sources until it is written.
 */
export function flowSourcesInFile(path: string, missing?: readonly FlowSource[]): FlowSourceOrigin {
  /** The text that the running sources came from; undefined where there was no file. */
  let known: string | undefined;
  let exporters: ExporterConfig = {};

  function textNow(): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (missing !== undefined && isMissing(error)) return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError('config_unreadable', `${path}: cannot be read (${reason})`, EXIT_USAGE);
    }
  }

  return {
    name: path,
    fixedBecause: undefined,
    read() {
      const text = textNow();
      const config = text === undefined ? { sources: missing ?? [] } : parseCollectorConfig(text, path);
      known = text;
      const { sources, ...beside } = config;
      exporters = beside;
      return sources;
    },
    exporters: () => exporters,
    async checkSavable() {
      if (textNow() !== known) {
        const remedy = 'send SIGHUP or start again, then deploy';
        throw new UserError('config_changed', `${path} was edited since it was read: ${remedy}`);
      }
      await checkReplaceable(path).catch((error: unknown) => {
        throw unwritable(path, error);
      });
    },
    async save(sources) {
      const text = editCollectorConfig(known ?? '{}\n', sources);
      try {
        await replaceFile(path, text);
      } catch (error) {
        throw unwritable(path, error);
      }
      known = text;
    },
  };
}

function unwritable(path: string, error: unknown): UserError {
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError('config_unwritable', `${path}: cannot be written (${reason})`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
