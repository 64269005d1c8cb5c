/** A change of an exporter's profile that comes from the server: checked here as there, applied whole or not at all. */
import { readFile } from 'node:fs/promises';
import { replaceFile, UserError } from '@weir/base';
import {
  editProfile,
  filesNamed,
  type Profile,
  type ProfileEdit,
  parseProfile,
  profileRevision,
} from '@weir/exporting';
import { profileFindings } from '../profile-check.ts';

/** What the server asks for. */
export interface SettingsChange extends ProfileEdit {
  readonly id: string;
  /** The revision that was edited: another one in force means that somebody was faster. */
  readonly basis: string;
}

export interface ChangeResult {
  readonly id: string;
  /** `conflict`: the profile was changed meanwhile, nothing was done. */
  readonly outcome: 'applied' | 'refused' | 'conflict';
  readonly message: string;
}

/** What applies the profile that is in the file, and says why it is not in force. */
export interface ProfileHolder {
  reload(): Promise<void>;
  problem(): string | undefined;
}

/** Never rejects: whatever hinders it is the result, and the profile is then as before. */
export async function applySettings(
  change: SettingsChange,
  profileFile: string,
  holder: ProfileHolder,
): Promise<ChangeResult> {
  const { id } = change;
  const refused = (message: string): ChangeResult => ({ id, outcome: 'refused', message });
  try {
    const text = await readFile(profileFile, 'utf8');
    const before = parseProfile(text, profileFile);
    if (profileRevision(before) !== change.basis) {
      return {
        id,
        outcome: 'conflict',
        message: 'the profile was changed meanwhile; look at it and edit it again',
      };
    }
    const edited = editProfile(text, change, profileFile);
    const after = parseProfile(edited, profileFile);
    const hindrance = newFile(before, after) ?? (await machineHindrance(after));
    if (hindrance !== undefined) return refused(hindrance);
    await replaceFile(profileFile, edited);
    await holder.reload();
    const problem = holder.problem();
    if (problem === undefined) return { id, outcome: 'applied', message: 'in force' };
    await replaceFile(profileFile, text);
    await holder.reload();
    return refused(`${problem}; the profile before is in force again`);
  } catch (error) {
    return refused(reasonOf(error));
  }
}

/** Who edits from afar must not make this machine read or write what nobody here has named. */
function newFile(before: Profile, after: Profile): string | undefined {
  const known = filesNamed(before);
  const added = [...filesNamed(after)].find((name) => !known.has(name));
  return added === undefined
    ? undefined
    : `${added} is not named in the profile yet: only somebody on this machine may name a file`;
}

async function machineHindrance(profile: Profile): Promise<string | undefined> {
  const bad = (await profileFindings(profile)).find(({ verdict }) => verdict === 'bad');
  return bad === undefined
    ? undefined
    : `${bad.subject}: ${bad.message}${bad.remedy === undefined ? '' : `; ${bad.remedy}`}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof UserError) return error.message.replaceAll('\n', '; ');
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return 'the exporter may not write its profile: see "Exporters from the console" in the documentation';
  }
  return error instanceof Error ? error.message : String(error);
}
