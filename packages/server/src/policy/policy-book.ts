/** The intended policy as a file that people edit here or in an editor, and the versions that it had. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  checkPolicy,
  formatPolicyProblem,
  type PolicyDocument,
  type PolicyProblem,
  parsePolicyText,
  policyOf,
} from '@weir/analysis';
import { type Clock, createStateFile, type Logger, replaceFile, UserError } from '@weir/base';
import { z } from 'zod';

/** Versions that are kept; the oldest go first. */
const VERSIONS_MAX = 100;
/** A policy of 2,000 rules is 500 KB; all versions are in memory and in one file. */
const VERSIONS_OCTETS_MAX = 16 * 1024 * 1024;
/** A larger file is no policy. */
const FILE_OCTETS_MAX = 4 * 1024 * 1024;
const BY_FILE = 'the file';

export interface PolicyVersion {
  readonly version: number;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly comment: string;
}

const versionSchema = z.object({
  version: z.number().int(),
  at: z.string(),
  by: z.string(),
  comment: z.string(),
  text: z.string(),
});
const stateSchema = z.object({ versions: z.array(versionSchema) });
type State = z.infer<typeof stateSchema>;

export interface CurrentPolicy {
  readonly document: PolicyDocument;
  readonly version: PolicyVersion;
}

export interface PolicyBook {
  /**
   * As the file says it now; the last one that could be read when it cannot be read. Undefined: there is
   * none.
   */
  current(): CurrentPolicy | undefined;
  /** Why the file cannot be used, and warnings about it. */
  problems(): readonly PolicyProblem[];
  readonly file: string;
  /** Newest first. */
  versions(): readonly PolicyVersion[];
  /** Throws UserError `policy_version_unknown`. */
  document(version: number): PolicyDocument;
  /**
   * Writes the file and a new version. `basedOn` is the version that was edited, 0 when there was none.
   * Throws UserError `policy_invalid`, `policy_conflict` when it was changed meanwhile.
   */
  save(input: unknown, by: string, comment: string, basedOn: number): Promise<CurrentPolicy>;
  /** Makes an old version the newest. */
  revert(version: number, by: string): Promise<CurrentPolicy>;
}

export interface PolicyBookOptions {
  /** The policy is `policy/policy.json` of it. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createPolicyBook({ dataDirectory, clock, logger }: PolicyBookOptions): PolicyBook {
  const file = path.join(dataDirectory, 'policy', 'policy.json');
  const state = createStateFile<State>({
    path: path.join(dataDirectory, 'policy', 'versions.json'),
    initial: { versions: [] },
    parse: (value) => stateSchema.parse(value),
    logger,
  });
  let readText: string | undefined;
  let problems: readonly PolicyProblem[] = [];
  let current: CurrentPolicy | undefined;

  function add(text: string, by: string, comment: string): PolicyVersion {
    const { versions } = state.read();
    const version = (versions.at(-1)?.version ?? 0) + 1;
    const entry = { version, at: new Date(clock.nowMs()).toISOString(), by, comment, text };
    state.write({ versions: bounded([...versions, entry]) }).catch((error: Error) => {
      logger.warn(`the versions of the policy could not be written: ${error.message}`);
    });
    return entry;
  }

  /** What an editor made of the file is a version, too. */
  function look(): void {
    const text = readFile(file);
    if (text === readText) return;
    readText = text;
    if (text === undefined) {
      current = undefined;
      problems = [];
      return;
    }
    const checked = parsePolicyText(text);
    problems = checked.problems;
    const { document } = checked;
    if (document === undefined) {
      logger.warn(
        `the policy cannot be read: ${formatPolicyProblem(problems[0], file)}; what it was before holds`,
      );
      return;
    }
    const newest = state.read().versions.at(-1);
    const isKnown = newest !== undefined && sameDocument(newest.text, document);
    current = { document, version: withoutText(isKnown ? newest : newestOf(text)) };
  }

  const newestOf = (text: string) => {
    add(text, BY_FILE, 'edited outside');
    return entryOf(undefined);
  };

  function entryOf(version: number | undefined) {
    const { versions } = state.read();
    const entry = version === undefined ? versions.at(-1) : versions.find((each) => each.version === version);
    if (entry === undefined)
      throw new UserError('policy_version_unknown', `there is no version ${version} of the policy`);
    return entry;
  }

  async function save(input: unknown, by: string, comment: string, basedOn: number): Promise<CurrentPolicy> {
    look();
    const checked = checkPolicy(input);
    const document = policyOf(checked);
    const newest = current?.version.version ?? 0;
    if (basedOn !== newest)
      throw new UserError(
        'policy_conflict',
        `the policy was changed meanwhile: version ${newest} by ${current?.version.by ?? BY_FILE}; load it and edit that`,
      );
    const text = `${JSON.stringify(document, null, 2)}\n`;
    await replaceFile(file, text);
    readText = text;
    problems = checked.problems;
    const version = withoutText({ ...add(text, by, comment), text });
    current = { document, version };
    return current;
  }

  return {
    file,
    current() {
      look();
      return current;
    },
    problems() {
      look();
      return problems;
    },
    versions: () => state.read().versions.map(withoutText).reverse(),
    document: (version) => policyOf(parsePolicyText(entryOf(version).text)),
    save,
    revert(version, by) {
      const document = policyOf(parsePolicyText(entryOf(version).text));
      look();
      return save(document, by, `back to version ${version}`, current?.version.version ?? 0);
    },
  };
}

const withoutText = ({ version, at, by, comment }: State['versions'][number]): PolicyVersion => ({
  version,
  at,
  by,
  comment,
});

function bounded(versions: State['versions']): State['versions'] {
  let kept = versions.slice(-VERSIONS_MAX);
  while (kept.length > 1 && kept.reduce((sum, { text }) => sum + text.length, 0) > VERSIONS_OCTETS_MAX)
    kept = kept.slice(1);
  return kept;
}

function sameDocument(text: string, document: PolicyDocument): boolean {
  return JSON.stringify(parsePolicyText(text).document) === JSON.stringify(document);
}

function readFile(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.length > FILE_OCTETS_MAX ? '' : text;
  } catch {
    return undefined; // there is none
  }
}
