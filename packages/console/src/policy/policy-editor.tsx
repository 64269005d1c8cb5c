import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { PolicyDocument, PolicyProblem, PolicyRule } from '@weir/analysis';
import { useEffect, useState } from 'react';
import { apiSend } from '../api/client.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import type { SharedView } from '../view-state.ts';
import {
  ListField,
  PLAIN_BUTTON,
  PRIMARY_BUTTON,
  SelectField,
  SMALL_BUTTON,
  Switch,
  TextField,
} from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ChangePanel } from './change-panel.tsx';
import { ImportPanel } from './import-panel.tsx';
import type { CheckResponse, PolicyResponse } from './policy-contract.ts';
import {
  EMPTY_POLICY,
  moved,
  namesIn,
  problemAt,
  withEntry,
  withNewGroup,
  withNewRule,
  withoutEntry,
} from './policy-draft.ts';
import { VersionsPanel } from './versions-panel.tsx';

/** Long enough that a word is typed, short enough to be live. */
const CHECK_DELAY_MS = 350;

interface PolicyEditorProps {
  policy: PolicyResponse;
  view: SharedView;
}

/**
 * Groups, services and rules, checked while they are typed; what an edit would change, before it is saved.
 */
export function PolicyEditor({ policy, view }: PolicyEditorProps) {
  const [draft, setDraft] = useState<PolicyDocument>(policy.document ?? EMPTY_POLICY);
  const [basedOn, setBasedOn] = useState(policy.version?.version ?? 0);
  const [comment, setComment] = useState('');
  const [loads, setLoads] = useState(0);
  const [trying, setTrying] = useState<PolicyDocument>();
  const problems = useProblems(draft);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: () => apiSend<PolicyResponse>('PUT', 'policy', { document: draft, comment, basedOn }),
    onSuccess: (answer) => {
      setBasedOn(answer.version?.version ?? 0);
      setComment('');
      return client.invalidateQueries({
        predicate: ({ queryKey }) => String(queryKey[0]).startsWith('policy'),
      });
    },
  });
  const errors = problems.filter(({ severity }) => severity === 'error');
  const isChanged = JSON.stringify(draft) !== JSON.stringify(policy.document ?? EMPTY_POLICY);
  /** `newest`: the version that is the newest now, which is then edited on. */
  const load = (document: PolicyDocument, newest = basedOn) => {
    setDraft(document);
    setBasedOn(newest);
    setLoads(loads + 1);
    setTrying(undefined);
  };
  return (
    <div className="space-y-3">
      <Panel
        title="Save"
        note={
          isChanged
            ? 'there are edits that are not saved'
            : basedOn === 0
              ? 'nothing is saved yet'
              : `version ${basedOn}`
        }
        controls={
          <>
            <button
              type="button"
              className={PLAIN_BUTTON}
              disabled={errors.length > 0}
              onClick={() => setTrying(draft)}
            >
              What would this change?
            </button>
            <button
              type="button"
              className={PRIMARY_BUTTON}
              disabled={!isChanged || errors.length > 0 || save.isPending}
              onClick={() => save.mutate()}
            >
              Save
            </button>
          </>
        }
      >
        <div className="space-y-2 px-4 py-3">
          <TextField label="What is changed, for the history" value={comment} onChange={setComment} />
          {save.error !== null && <ProblemNote problem={save.error} />}
          <ProblemList problems={problems} />
        </div>
      </Panel>
      {trying !== undefined && (
        <ChangePanel document={trying} view={view} onClose={() => setTrying(undefined)} />
      )}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <RulesEditor loads={loads} draft={draft} problems={problems} onChange={setDraft} />
        <div className="min-w-0 space-y-3">
          <SetsEditor kind="groups" loads={loads} draft={draft} problems={problems} onChange={setDraft} />
          <SetsEditor kind="services" loads={loads} draft={draft} problems={problems} onChange={setDraft} />
          <ImportPanel onImported={(document) => load(document)} />
          <VersionsPanel current={policy.version?.version} onLoad={load} />
        </div>
      </div>
    </div>
  );
}

/** What the server says of the draft; that of the draft before until it has answered. */
function useProblems(draft: PolicyDocument): readonly PolicyProblem[] {
  const [problems, setProblems] = useState<readonly PolicyProblem[]>([]);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => {
      void apiSend<CheckResponse>('POST', 'policy/check', { document: draft }).then(
        (answer) => !gone && setProblems(answer.problems),
        () => {},
      );
    }, CHECK_DELAY_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [draft]);
  return problems;
}

function ProblemList({ problems }: { problems: readonly PolicyProblem[] }) {
  if (problems.length === 0) return <p className="text-good text-xs">✓ Nothing is wrong with it.</p>;
  return (
    <ul aria-label="Problems" className="max-h-40 space-y-0.5 overflow-auto text-xs">
      {problems.map(({ path, message, severity }) => (
        <li key={`${path} ${message}`} className={severity === 'error' ? 'text-drop' : 'text-warn'}>
          {severity === 'error' ? '▲' : '△'} <span className="wire">{path}</span> {message}
        </li>
      ))}
    </ul>
  );
}

interface PartProps {
  /** How often another document was loaded. */
  loads: number;
  draft: PolicyDocument;
  problems: readonly PolicyProblem[];
  onChange: (draft: PolicyDocument) => void;
}

/**
 * An entry is its place: its name changes while it is typed. Where places change, fields that keep their
 * own text while it is typed begin anew.
 */
const placeKey = (loads: number, length: number, index: number) => `${loads} ${length} ${index}`;

function RulesEditor({ loads, draft, problems, onChange }: PartProps) {
  const { rules } = draft;
  return (
    <Panel
      title="Rules"
      note="the first that matches decides"
      controls={
        <button type="button" className={SMALL_BUTTON} onClick={() => onChange(withNewRule(draft))}>
          New rule
        </button>
      }
    >
      {rules.length === 0 && (
        <p className="px-4 py-3 text-ink-soft">There is no rule: the default decides all.</p>
      )}
      <ol aria-label="Rules" className="divide-y divide-line">
        {rules.map((rule, index) => (
          <li key={placeKey(loads, rules.length, index)}>
            <RuleEditor rule={rule} index={index} draft={draft} problems={problems} onChange={onChange} />
          </li>
        ))}
      </ol>
      <div className="border-line border-t px-4 py-3">
        <SelectField
          label="Default, between groups that no rule speaks of"
          value={draft.default}
          options={ACTIONS}
          onChange={(value) => onChange({ ...draft, default: value === 'allow' ? 'allow' : 'deny' })}
        />
      </div>
    </Panel>
  );
}

const ACTIONS = [
  { value: 'allow', text: 'allow' },
  { value: 'deny', text: 'deny' },
];

function RuleEditor({
  rule,
  index,
  draft,
  problems,
  onChange,
}: Omit<PartProps, 'loads'> & { rule: PolicyRule; index: number }) {
  const path = `rules[${index}]`;
  const set = (part: Partial<PolicyRule>) => onChange(withEntry(draft, 'rules', index, part));
  const problem = problemAt(problems, path);
  const groups = ['any', ...draft.groups.map(({ name }) => name)];
  const services = ['any', ...draft.services.map(({ name }) => name)];
  return (
    <details className="group px-4 py-2">
      <summary className="flex list-none flex-wrap items-baseline gap-x-2 text-[0.8125rem]">
        <span aria-hidden="true" className="text-ink-faint group-open:rotate-90">
          ▸
        </span>
        <span className="figures w-6 text-right text-ink-faint">{index + 1}</span>
        <b className="font-semibold">{rule.name}</b>
        <span className="min-w-0 text-ink-soft [overflow-wrap:anywhere]">
          {rule.from.join(', ')} → {rule.to.join(', ')} · {rule.services.join(', ')}
        </span>
        <span className={`ml-auto ${rule.action === 'allow' ? 'text-good' : 'text-drop'}`}>
          {rule.action === 'allow' ? '✓ allow' : '⊘ deny'}
        </span>
        {problem !== undefined && <span className="w-full pl-10 text-drop text-xs">▲ {problem}</span>}
      </summary>
      <div className="grid grid-cols-1 gap-3 pt-3 pb-2 sm:grid-cols-2">
        <TextField label="Name" value={rule.name} onChange={(name) => set({ name })} />
        <SelectField
          label="Action"
          value={rule.action}
          options={ACTIONS}
          onChange={(action) => set({ action: action === 'allow' ? 'allow' : 'deny' })}
        />
        <NamesField label="From" names={rule.from} proposals={groups} onChange={(from) => set({ from })} />
        <NamesField label="To" names={rule.to} proposals={groups} onChange={(to) => set({ to })} />
        <NamesField
          label="Services"
          names={rule.services}
          proposals={services}
          onChange={(chosen) => set({ services: chosen })}
        />
        <TextField
          label="Firewall's rule"
          help="What drop records call the rule that enforces it"
          value={rule.firewall ?? ''}
          onChange={(firewall) => set({ firewall })}
        />
        <TextField label="Comment" value={rule.comment ?? ''} onChange={(comment) => set({ comment })} />
        <Switch
          label="Must be seen"
          help="None of it is a finding"
          on={rule.expected === true}
          onChange={(expected) => set({ expected })}
        />
      </div>
      <div className="flex gap-2 pb-1">
        <button
          type="button"
          className={SMALL_BUTTON}
          disabled={index === 0}
          onClick={() => onChange(moved(draft, index, -1))}
        >
          Up
        </button>
        <button
          type="button"
          className={SMALL_BUTTON}
          disabled={index === draft.rules.length - 1}
          onClick={() => onChange(moved(draft, index, 1))}
        >
          Down
        </button>
        <button
          type="button"
          className={`${SMALL_BUTTON} ml-auto`}
          onClick={() => onChange(withoutEntry(draft, 'rules', index))}
        >
          Remove the rule {rule.name}
        </button>
      </div>
    </details>
  );
}

interface NamesFieldProps {
  label: string;
  names: readonly string[];
  proposals: readonly string[];
  onChange: (names: string[]) => void;
}

/**
 * Names separated by commas. The text is the field's own while it is typed: a comma would else be taken
 * away at once.
 */
function NamesField({ label, names, proposals, onChange }: NamesFieldProps) {
  const [text, setText] = useState(names.join(', '));
  const isSame = namesIn(text).join('\n') === names.join('\n');
  return (
    <TextField
      label={label}
      value={isSame ? text : names.join(', ')}
      proposals={proposals}
      onChange={(next) => {
        setText(next);
        onChange(namesIn(next));
      }}
    />
  );
}

const SET_WORDS = {
  groups: {
    title: 'Groups',
    one: 'group',
    help: '10.0.0.0/8, 10.0.0.1-10.0.0.9, peer:NAME, user:NAME, network:NAME, site:NAME, @LIST',
  },
  services: { title: 'Services', one: 'service', help: 'tcp/443, udp/5000-5100, icmp/8, gre' },
} as const;

function SetsEditor({ kind, loads, draft, problems, onChange }: PartProps & { kind: 'groups' | 'services' }) {
  const { title, one, help } = SET_WORDS[kind];
  const entries = draft[kind];
  return (
    <Panel
      title={title}
      note={String(entries.length)}
      controls={
        <button type="button" className={SMALL_BUTTON} onClick={() => onChange(withNewGroup(draft, kind))}>
          New {one}
        </button>
      }
    >
      <ul aria-label={title} className="divide-y divide-line">
        {entries.map(({ name, members }, index) => {
          const problem = problemAt(problems, `${kind}[${index}]`);
          return (
            <li key={placeKey(loads, entries.length, index)}>
              <details className="px-4 py-2">
                <summary className="flex flex-wrap items-baseline gap-x-2 text-[0.8125rem]">
                  <b className="font-semibold">{name}</b>
                  <span className="wire min-w-0 truncate text-ink-soft">
                    {members.slice(0, 4).join(', ')}
                  </span>
                  {problem !== undefined && <span className="w-full text-warn text-xs">△ {problem}</span>}
                </summary>
                <div className="space-y-3 pt-3 pb-2">
                  <TextField
                    label="Name"
                    value={name}
                    onChange={(next) => onChange(renamed(draft, kind, index, next))}
                  />
                  <ListField
                    label="Members, one a line"
                    help={help}
                    value={members}
                    onChange={(text) => onChange(withEntry(draft, kind, index, { members: namesIn(text) }))}
                  />
                  <button
                    type="button"
                    className={SMALL_BUTTON}
                    onClick={() => onChange(withoutEntry(draft, kind, index))}
                  >
                    Remove the {one} {name}
                  </button>
                </div>
              </details>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

/** A new name of a group is its name in the rules, too. */
function renamed(
  draft: PolicyDocument,
  kind: 'groups' | 'services',
  index: number,
  next: string,
): PolicyDocument {
  const old = draft[kind][index]?.name;
  const isFree = !draft[kind].some(({ name }) => name === next) && next !== '' && next !== 'any';
  const change = (names: readonly string[]) => names.map((name) => (name === old ? next : name));
  const named = withEntry(draft, kind, index, { name: next });
  if (!isFree) return named;
  const rules = draft.rules.map((rule) =>
    kind === 'groups'
      ? { ...rule, from: change(rule.from), to: change(rule.to) }
      : { ...rule, services: change(rule.services) },
  );
  return { ...named, rules };
}
