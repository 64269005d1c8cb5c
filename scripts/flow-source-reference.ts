/** The page on the parameters of flow sources, written from their schema. */
import { flowSourceJsonSchema } from '@weir/collecting';

type JsonSchema = ReturnType<typeof flowSourceJsonSchema>;

/** One row a parameter, those within objects by their path. */
export function flowSourceReference(row: (cells: readonly string[]) => string): string {
  const schema = flowSourceJsonSchema();
  const intro =
    'The parameters of a flow source: in the configuration file of `weir collect` (`{"sources": [ … ]}`), and in the ' +
    'API (`/api/v1/flow-sources`). What has a default may be left out.';
  const heading = ['| parameter | allowed | default | meaning |', '|---|---|---|---|'];
  return ['# Flow sources\n', `${intro}\n`, ...heading, ...parameterRows(schema, '', row)].join('\n');
}

/** A row for each property of an object, those of objects within by their path. */
export function parameterRows(
  schema: JsonSchema,
  prefix: string,
  row: (cells: readonly string[]) => string,
): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (typeof property !== 'object') return [];
    const standard =
      property.default === undefined || property.properties ? '' : `\`${JSON.stringify(property.default)}\``;
    const cells = [`\`${prefix}${name}\``, allowed(property), standard, property.description ?? ''];
    return [row(cells), ...parameterRows(property, `${prefix}${name}.`, row)];
  });
}

function allowed(property: JsonSchema): string {
  if (property.enum !== undefined) return property.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (property.type === 'boolean') return '`true`, `false`';
  if (property.type === 'integer' || property.type === 'number') {
    return `${property.minimum ?? ''} … ${property.maximum ?? ''}`;
  }
  if (property.type === 'array') return 'a list';
  if (property.type === 'object') return 'an object';
  return 'text';
}
