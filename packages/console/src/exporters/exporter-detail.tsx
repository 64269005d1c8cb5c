import type { ReactNode } from 'react';
import type { Exporter } from '../api/contract.ts';
import { formatCount, formatOctets, formatPerSecond, formatShare } from '../format/quantity.ts';
import { formatDateTime, formatDuration, formatMoment } from '../format/time.ts';
import { VERSION_NAMES } from '../sources/source-state.ts';
import { clockText, samplingText, USE_NAMES } from './exporter-summary.ts';

/** All that is known of one observation domain of an exporter. */
export function ExporterDetail({ exporter, now }: { exporter: Exporter; now: number }) {
  return (
    <div className="divide-y divide-line">
      {exporter.alarms.length > 0 && (
        <ul aria-label="Alarms" className="bg-warn-soft px-4 py-2.5">
          {exporter.alarms.map(({ code, message, since }) => (
            <li key={code} className="flex flex-wrap gap-x-2 py-0.5">
              <span className="min-w-0">{sentence(message)}</span>
              <span className="figures text-ink-soft text-xs leading-5">
                since {formatMoment(since, now)}
              </span>
            </li>
          ))}
        </ul>
      )}
      <Section title="Identity">
        <Figures
          figures={[
            ['Address', exporter.address],
            ['Observation domain', String(exporter.observationDomainId)],
            [
              'Protocol',
              exporter.versions.map((version) => VERSION_NAMES[version] ?? `version ${version}`).join(', '),
            ],
            ['Flow source', exporter.source],
            ['First heard of', formatDateTime(exporter.firstSeen)],
            ['Last heard of', formatDateTime(exporter.lastSeen)],
          ]}
        />
      </Section>
      <Section title="Traffic and loss">
        <Figures
          figures={[
            [
              'Records',
              `${formatPerSecond(exporter.rates.recordsPerSecond)} · ${formatCount(exporter.totals.records)} in all`,
            ],
            [
              'Export messages',
              `${formatOctets(exporter.rates.octetsPerSecond)}/s · ${formatCount(exporter.totals.messages)} in all`,
            ],
            [
              'Lost in the last 5 minutes',
              exporter.rates.loss === null ? 'not known' : formatShare(exporter.rates.loss, 1),
              (exporter.rates.loss ?? 0) > 0,
            ],
            ['Lost in all', formatCount(exporter.sequence.lost), exporter.sequence.lost > 0],
            ['Duplicates', formatCount(exporter.sequence.duplicates)],
            ['Out of order', formatCount(exporter.sequence.reordered)],
            ['Restarts', formatCount(exporter.sequence.restarts)],
            ['Clock', clockText(exporter.clockSkewMs), Math.abs(exporter.clockSkewMs ?? 0) >= 5000],
            [
              'Usual pause',
              exporter.usualGapMs === null ? '–' : `at most ${formatDuration(exporter.usualGapMs)}`,
            ],
            ['Sampling', samplingText(exporter.sampling)],
          ]}
        />
      </Section>
      <Section title="Learned from option records">
        <Figures
          figures={[
            ['Interfaces', String(exporter.interfaces)],
            ['Applications', String(exporter.applications)],
            ['VRFs', String(exporter.vrfs)],
            ['Peers', String(exporter.peers)],
          ]}
        />
      </Section>
      {exporter.problems.length > 0 && (
        <Section title="Malformed">
          <ul className="space-y-1">
            {exporter.problems.map(({ code, count, lastMessage }) => (
              <li key={code}>
                <span className="wire">{code}</span>{' '}
                <span className="figures">{formatCount(count)} times</span>
                <span className="block text-ink-soft text-xs [overflow-wrap:anywhere]">{lastMessage}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title={`Templates (${exporter.templateCount})`}>
        {exporter.templates.length === 0 && <p className="text-ink-soft">None came yet.</p>}
        <ul className="space-y-2.5">
          {exporter.templates.map((template) => (
            <Template key={template.id} template={template} />
          ))}
        </ul>
      </Section>
    </div>
  );
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="px-4 py-3">
      <h3 className="mb-2 font-semibold text-[0.8125rem]">{title}</h3>
      {children}
    </section>
  );
}

function Figures({
  figures,
}: {
  figures: readonly (readonly [label: string, figure: string, bad?: boolean])[];
}) {
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-3">
      {figures.map(([label, figure, bad]) => (
        <div key={label} className="min-w-0">
          <dt className="text-ink-faint text-xs">{label}</dt>
          <dd className={`figures [overflow-wrap:anywhere] ${bad === true ? 'text-warn' : ''}`}>{figure}</dd>
        </div>
      ))}
    </dl>
  );
}

function Template({ template }: { template: Exporter['templates'][number] }) {
  const missing = Object.entries(template.missing).filter(([, fields]) => (fields?.length ?? 0) > 0);
  return (
    <li className="rounded-md border border-line px-3 py-2">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span className="font-medium">{template.id === 0 ? 'Fixed format' : `Template ${template.id}`}</span>
        <span className="text-ink-faint text-xs">
          {template.options ? 'describes the exporter' : `${template.fields.length} fields`}
        </span>
        {missing.length === 0 && !template.options && (
          <span className="text-good text-xs">nothing is missing</span>
        )}
      </p>
      {missing.map(([use, fields = []]) => (
        <p key={use} className="mt-1 text-xs">
          <span className="text-warn">{USE_NAMES[use] ?? use} lacks </span>
          <span className="wire text-[0.72rem] [overflow-wrap:anywhere]">{fields.join(', ')}</span>
        </p>
      ))}
      <details className="mt-1 text-xs">
        <summary className="text-ink-soft">Fields</summary>
        <p className="wire mt-1 text-[0.72rem] [overflow-wrap:anywhere]">{template.fields.join(', ')}</p>
      </details>
    </li>
  );
}
