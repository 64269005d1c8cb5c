import { useMutation } from '@tanstack/react-query';
import type { PolicyDocument } from '@weir/analysis';
import { useId, useState } from 'react';
import { apiSend } from '../api/client.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PLAIN_BUTTON, PRIMARY_BUTTON, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import type { ImportResponse } from './policy-contract.ts';
import { namesIn } from './policy-draft.ts';

const FORMATS = [
  { value: 'nftables', text: 'nftables' },
  { value: 'csv', text: 'CSV' },
] as const;
type Format = (typeof FORMATS)[number]['value'];

/** A firewall's rules or a table as a draft: nothing is saved by it. */
export function ImportPanel({ onImported }: { onImported: (document: PolicyDocument) => void }) {
  const id = useId();
  const [from, setFrom] = useState<Format>('nftables');
  const [text, setText] = useState('');
  const [self, setSelf] = useState('');
  const [interfaces, setInterfaces] = useState('');
  const read = useMutation({
    mutationFn: () =>
      apiSend<ImportResponse>('POST', 'policy/import', {
        from,
        text,
        self: namesIn(self),
        interfaces: interfacesIn(interfaces),
      }),
  });
  return (
    <Panel
      title="Import"
      controls={<Segmented label="Format" options={FORMATS} value={from} onChange={setFrom} />}
    >
      <div className="space-y-3 px-4 py-3">
        <div className="space-y-1">
          <label htmlFor={id} className="block font-medium text-ink-soft text-xs">
            {from === 'csv'
              ? 'Columns name, from, to, service, action; optionally expected, firewall, comment'
              : 'What “nft list ruleset” prints, with or without --json'}
          </label>
          <textarea
            id={id}
            value={text}
            rows={5}
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
            className="w-full rounded-md border border-line bg-surface px-2.5 py-1.5 font-mono text-[0.8125rem] hover:border-line-strong"
          />
        </div>
        {from === 'nftables' && (
          <>
            <TextField
              label="Addresses of the machine of the firewall"
              help="What its input and output chains speak of: 10.0.0.1, fd00::1"
              value={self}
              onChange={setSelf}
            />
            <TextField
              label="Networks behind its interfaces"
              help="wg0=10.0.0.0/8 fd00::/8; eth0=192.0.2.0/24"
              value={interfaces}
              onChange={setInterfaces}
            />
          </>
        )}
        <button
          type="button"
          className={PLAIN_BUTTON}
          disabled={text.trim() === '' || read.isPending}
          onClick={() => read.mutate()}
        >
          Read it
        </button>
        {read.error !== null && <ProblemNote problem={read.error} />}
        {read.data !== undefined && (
          <Imported answer={read.data} onUse={() => onImported(read.data.document)} />
        )}
      </div>
    </Panel>
  );
}

/** `wg0=10.0.0.0/8 fd00::/8; eth0=192.0.2.0/24` */
function interfacesIn(text: string): Record<string, string[]> {
  const entries = text.split(';').flatMap((part): [string, string[]][] => {
    const [name = '', networks = ''] = part.split('=');
    return name.trim() === '' ? [] : [[name.trim(), networks.split(/[\s,]+/).filter((each) => each !== '')]];
  });
  return Object.fromEntries(entries);
}

function Imported({ answer, onUse }: { answer: ImportResponse; onUse: () => void }) {
  const { document, notMapped, notes } = answer;
  return (
    <div className="space-y-2" data-testid="imported">
      <p className="text-[0.8125rem]">
        {document.rules.length} rules and {document.groups.length} groups.{' '}
        {notMapped.length === 0
          ? 'Nothing is left out.'
          : `${notMapped.length} could not be said as a policy:`}
      </p>
      <ul className="max-h-48 space-y-1 overflow-auto text-xs">
        {notMapped.map(({ what, reason }) => (
          <li key={`${what} ${reason}`} className="text-warn">
            △ <span className="wire">{what}</span>: {reason}
          </li>
        ))}
        {notes.map((note) => (
          <li key={note} className="text-ink-soft">
            {note}
          </li>
        ))}
      </ul>
      <button type="button" className={PRIMARY_BUTTON} onClick={onUse}>
        Use it as a draft
      </button>
    </div>
  );
}
