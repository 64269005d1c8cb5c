import { useState } from 'react';
import { useChange } from '../api/use-change.ts';
import { FormEnd } from '../pages/form-end.tsx';
import { ProblemNote } from '../pages/problem-note.tsx';
import { FieldGroup, ListField, PLAIN_BUTTON, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { CapacitySettings, CapacitySummary } from './capacity-contract.ts';

interface SpeedFormProps {
  subject: CapacitySummary;
  settings: CapacitySettings;
}

/** Speed and name of one interface, exporter or link. */
export function SpeedForm({ subject, settings }: SpeedFormProps) {
  const [speed, setSpeed] = useState(subject.speedMbit === null ? '' : String(subject.speedMbit));
  const [name, setName] = useState(subject.name);
  const save = useChange('capacity');
  const isNumber = speed.trim() === '' || (/^\d+(\.\d+)?$/.test(speed.trim()) && Number(speed) > 0);
  const isNamed = subject.kind === 'interface';
  return (
    <form
      className="flex flex-wrap items-end gap-2 px-3.5 py-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (isNumber)
          save.mutate({
            method: 'PUT',
            path: 'capacity/settings',
            body: withSpeed(settings, subject, speed.trim(), name.trim()),
          });
      }}
    >
      {isNamed && (
        <div className="w-44">
          <TextField label="Name" value={name} onChange={setName} />
        </div>
      )}
      <div className="w-36">
        <TextField
          label="Speed (Mbit/s)"
          value={speed}
          onChange={setSpeed}
          problem={isNumber ? undefined : 'A number, such as 1000'}
        />
      </div>
      <button type="submit" className={PLAIN_BUTTON} disabled={save.isPending}>
        Save
      </button>
      {save.error !== null && <ProblemNote problem={save.error} />}
    </form>
  );
}

function withSpeed(
  settings: CapacitySettings,
  subject: CapacitySummary,
  speed: string,
  name: string,
): CapacitySettings {
  const { exporter, ifIndex, kind, key } = subject;
  const given = speed === '' ? {} : { speedMbit: Number(speed) };
  if (kind === 'link') {
    const links = settings.links.map(({ speedMbit: _, ...link }) =>
      `link:${link.id}` === key
        ? { ...link, ...given }
        : { ...link, ...(_ === undefined ? {} : { speedMbit: _ }) },
    );
    return { ...settings, links };
  }
  if (kind === 'exporter') {
    const others = settings.exporters.filter((each) => each.exporter !== exporter);
    return {
      ...settings,
      exporters: speed === '' ? others : [...others, { exporter, speedMbit: Number(speed) }],
    };
  }
  const others = settings.interfaces.filter((each) => each.exporter !== exporter || each.ifIndex !== ifIndex);
  return { ...settings, interfaces: [...others, { exporter, ifIndex: ifIndex ?? 0, name, ...given }] };
}

/** Threshold, alerts, and links that are made of several interfaces. */
export function CapacitySettingsForm({
  settings,
  onDone,
}: {
  settings: CapacitySettings;
  onDone: () => void;
}) {
  const [threshold, setThreshold] = useState(String(settings.thresholdPercent));
  const [days, setDays] = useState(String(settings.alertDays));
  const [links, setLinks] = useState(settings.links.map(linkLine).join('\n'));
  const save = useChange('capacity');
  const read = linksOf(links);
  const submit = (): void => {
    if (typeof read === 'string') return;
    const body = { ...settings, thresholdPercent: Number(threshold), alertDays: Number(days), links: read };
    save.mutate({ method: 'PUT', path: 'capacity/settings', body }, { onSuccess: onDone });
  };
  return (
    <Panel title="Settings">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FieldGroup title="Threshold">
          <TextField label="Full at (% of the speed)" value={threshold} onChange={setThreshold} />
          <TextField label="Alert so many days before" help="0: never" value={days} onChange={setDays} />
        </FieldGroup>
        <FieldGroup title="Links">
          <ListField
            label="One a line: name: exporter|ifIndex, …; with a speed: name (2000): …"
            help="What the interfaces carry together. Histories of links that are left out are removed."
            value={links.split('\n')}
            placeholder="Uplinks (20000): 192.0.2.1|3, 192.0.2.2|7"
            onChange={setLinks}
          />
        </FieldGroup>
        <FormEnd
          problem={typeof read === 'string' ? read : undefined}
          error={save.error}
          submitText="Save"
          isBusy={save.isPending}
          onCancel={onDone}
        />
      </form>
    </Panel>
  );
}

type Link = CapacitySettings['links'][number];

function linkLine({ name, speedMbit, members }: Link): string {
  const speed = speedMbit === undefined ? '' : ` (${speedMbit})`;
  return `${name}${speed}: ${members.map(({ exporter, ifIndex }) => `${exporter}|${ifIndex}`).join(', ')}`;
}

/** The links of a text, or what is wrong with it. */
export function linksOf(text: string): Link[] | string {
  const links: Link[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const match = /^\s*([^(:]+?)\s*(?:\((\d+(?:\.\d+)?)\))?\s*:\s*(\S.*)$/.exec(line);
    const [, name = '', speed, list = ''] = match ?? [];
    const members = list.split(/[\s,]+/).map((each) => /^(.+)\|(\d{1,10})$/.exec(each.trim()));
    if (match === null || members.includes(null)) return `Not a link: ${line}`;
    const id = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 40);
    if (id === '' || links.some((each) => each.id === id))
      return `Two links have the name ${name}, or it has no letters.`;
    links.push({
      id,
      name,
      ...(speed === undefined ? {} : { speedMbit: Number(speed) }),
      members: members.flatMap((member) =>
        member === null ? [] : [{ exporter: member[1] ?? '', ifIndex: Number(member[2]) }],
      ),
    });
  }
  return links;
}
