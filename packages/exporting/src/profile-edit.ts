/** Edits of a profile from afar: properties set and taken away, the rest of the file left as it is written. */
import { createHash } from 'node:crypto';
import { UserError } from '@weir/base';
import { applyEdits, modify } from 'jsonc-parser';
import { type Profile, parseProfile } from './profile.ts';
import { printableProfile } from './profile-description.ts';
import { PROFILE_PROPERTIES } from './profile-properties.ts';

export interface ProfileEdit {
  /** Properties of `FlowMetadata` by their names, with the values that they get. */
  readonly set: Readonly<Record<string, unknown>>;
  /** Properties that are taken away: their defaults hold then. */
  readonly unset: readonly string[];
}

/**
 * The text of a profile after an edit. Only the lines of the properties change; what else a `Universe.profile`
 * holds stays. Throws a UserError `profile_invalid` when the text is no profile, before or after.
 */
export function editProfile(text: string, edit: ProfileEdit, fileName: string): string {
  parseProfile(text, fileName);
  const unknown = [...Object.keys(edit.set), ...edit.unset].find(
    (name) => !PROFILE_PROPERTIES.includes(name),
  );
  if (unknown !== undefined) {
    throw new UserError(
      'profile_invalid',
      `FlowMetadata has no property "${unknown.slice(0, 60)}", allowed: ${PROFILE_PROPERTIES.join(', ')}`,
    );
  }
  const mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : '';
  let edited = text.slice(mark.length);
  const changes: [string, unknown][] = [
    ...Object.entries(edit.set),
    ...edit.unset.map((name): [string, unknown] => [name, undefined]),
  ];
  for (const [name, value] of changes) {
    const options = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } };
    edited = applyEdits(edited, modify(edited, ['FlowMetadata', name], value, options));
  }
  parseProfile(mark + edited, fileName);
  return mark + edited;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** Tells two sets of effective values apart, whatever file they are written in; 16 hexadecimal digits. */
export function profileRevision(profile: Profile): string {
  const values = JSON.stringify([printableProfile(profile), profile.flowIdKey ?? null]);
  return createHash('sha256').update(values).digest('hex').slice(0, 16);
}

/** Every file and folder that a profile has us read, write or connect to. */
export function filesNamed(profile: Profile): ReadonlySet<string> {
  const { tls, collectors, spoolDirectory, dropSources, peers } = profile;
  const certificates = [tls, ...collectors.map((collector) => collector.tls ?? {})].flatMap(
    ({ ca, certificate, key }) => [ca, certificate, key],
  );
  const keys = collectors.map(({ anonymisation }) =>
    anonymisation?.kind === 'cryptoPan' ? anonymisation.keyFile : undefined,
  );
  const sources = [...dropSources, ...peers].map((source) => ('path' in source ? source.path : undefined));
  return new Set([...certificates, ...keys, ...sources, spoolDirectory].filter((name) => name !== undefined));
}
