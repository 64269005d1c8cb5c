/** The page on how the console is served and who may see it, written from the schema of the configuration. */
import { consoleSettingsJsonSchema } from '@weir/collecting';
import { parameterRows } from './flow-source-reference.ts';

export function accessReference(row: (cells: readonly string[]) => string): string {
  const intro =
    'The parameters `http` and `access` of a collector’s configuration: `weir collect --config`, or `collector.json` in ' +
    'the data folder, which `weir up` reads, too. They are read at the start; [access](../access.md) tells what they are ' +
    'for.';
  const heading = ['| parameter | allowed | default | meaning |', '|---|---|---|---|'];
  const rows = parameterRows(consoleSettingsJsonSchema(), '', row);
  return ['# Console and access\n', `${intro}\n`, ...heading, ...rows].join('\n');
}
