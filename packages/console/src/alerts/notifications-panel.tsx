import { ALERT_SEVERITIES, type AlertSeverity } from '@weir/analysis';
import { useState } from 'react';
import { useApi, useFollowedApi } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import {
  FieldGroup,
  ListField,
  NumberField,
  PLAIN_BUTTON,
  PRIMARY_BUTTON,
  SelectField,
  Switch,
  TextField,
} from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { NotificationsResponse, Suppression } from './alert-contract.ts';
import { useAlertChange } from './use-alert-change.ts';

const EVERY_MS = 10_000;

/** Where alerts are told, what waits to be told, and what is suppressed. */
export function NotificationsPanel() {
  const answer = useFollowedApi<NotificationsResponse>(['notifications', {}], EVERY_MS);
  const { data } = answer;
  return (
    <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {data !== undefined && <SettingsPanel key={settingsKey(data)} data={data} />}
      <div className="space-y-3">
        <SuppressionsPanel />
        {data !== undefined && <QueuePanel queue={data.queue} />}
      </div>
    </div>
  );
}

const settingsKey = ({ smtp, webhooks, email }: NotificationsResponse): string =>
  JSON.stringify({ smtp, webhooks, email });

interface Draft {
  webhook: { url: string; enabled: boolean; severityMin: AlertSeverity; secret: string };
  email: { enabled: boolean; to: string; severityMin: AlertSeverity };
  smtp: {
    host: string;
    port: number | string;
    security: string;
    user: string;
    from: string;
    password: string;
  };
}

function draftOf({ webhooks, email, smtp }: NotificationsResponse): Draft {
  const [first] = webhooks;
  return {
    webhook: {
      url: first?.url ?? '',
      enabled: first?.enabled ?? true,
      severityMin: first?.severityMin ?? 'medium',
      secret: '',
    },
    email: { enabled: email.enabled, to: email.to.join('\n'), severityMin: email.severityMin },
    smtp: {
      host: smtp?.host ?? '',
      port: smtp?.port ?? 587,
      security: smtp?.security ?? 'starttls',
      user: smtp?.user ?? '',
      from: smtp?.from ?? '',
      password: '',
    },
  };
}

/** The page edits one web hook; others, set by the API, stay as they are. */
function requestOf(draft: Draft, { webhooks }: NotificationsResponse): object {
  const [first, ...others] = webhooks;
  const { webhook, email, smtp } = draft;
  const { secret, ...hook } = webhook;
  const kept = others.map(({ hasSecret: _hasSecret, ...rest }) => rest);
  const edited = { id: first?.id ?? 'first', ...hook, ...(secret === '' ? {} : { secret }) };
  const { password, ...server } = smtp;
  return {
    webhooks: [...(hook.url === '' ? [] : [edited]), ...kept],
    email: {
      ...email,
      to: email.to
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    },
    smtp: smtp.host === '' ? null : { ...server, ...(password === '' ? {} : { password }) },
  };
}

const SEVERITIES = ALERT_SEVERITIES.map((value) => ({
  value,
  text: value === 'low' ? 'every alert' : `${value} and graver`,
}));
const SECURITIES = [
  { value: 'starttls', text: 'STARTTLS' },
  { value: 'tls', text: 'TLS' },
  { value: 'none', text: 'none (a relay on this machine)' },
];

function SettingsPanel({ data }: { data: NotificationsResponse }) {
  const [draft, setDraft] = useState(() => draftOf(data));
  const change = useAlertChange();
  const { webhook, email, smtp } = draft;
  const setWebhook = (part: Partial<Draft['webhook']>) =>
    setDraft({ ...draft, webhook: { ...webhook, ...part } });
  const setEmail = (part: Partial<Draft['email']>) => setDraft({ ...draft, email: { ...email, ...part } });
  const setSmtp = (part: Partial<Draft['smtp']>) => setDraft({ ...draft, smtp: { ...smtp, ...part } });
  const [first] = data.webhooks;
  return (
    <Panel title="Notifications">
      <form
        aria-label="Notifications"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate({ method: 'PUT', path: 'notifications', body: requestOf(draft, data) });
        }}
      >
        <FieldGroup title="Web hook">
          <TextField
            label="Address"
            wire
            value={webhook.url}
            onChange={(url) => setWebhook({ url })}
            placeholder="https://chat.example.net/hook"
            help="Gets each alert as JSON by POST."
          />
          <SelectField
            label="Tell"
            value={webhook.severityMin}
            options={SEVERITIES}
            onChange={(value) => setWebhook({ severityMin: value as AlertSeverity })}
          />
          <TextField
            label="Secret"
            type="password"
            autoComplete="new-password"
            value={webhook.secret}
            onChange={(secret) => setWebhook({ secret })}
            placeholder={first?.hasSecret === true ? 'set; type to change' : ''}
            help="Signs the body: HMAC-SHA-256 in X-Weir-Signature."
          />
          <Switch label="On" on={webhook.enabled} onChange={(enabled) => setWebhook({ enabled })} />
        </FieldGroup>
        <FieldGroup title="E-mail">
          <ListField
            label="To"
            value={data.email.to}
            onChange={(to) => setEmail({ to })}
            help="One address a line. Alerts of a minute come together."
          />
          <SelectField
            label="Tell"
            value={email.severityMin}
            options={SEVERITIES}
            onChange={(value) => setEmail({ severityMin: value as AlertSeverity })}
          />
          <Switch label="On" on={email.enabled} onChange={(enabled) => setEmail({ enabled })} />
        </FieldGroup>
        <FieldGroup title="Mail server">
          <TextField
            label="Host"
            wire
            value={smtp.host}
            onChange={(host) => setSmtp({ host })}
            placeholder="mail.example.net"
          />
          <NumberField label="Port" value={smtp.port} onChange={(port) => setSmtp({ port })} />
          <SelectField
            label="Encryption"
            value={smtp.security}
            options={SECURITIES}
            onChange={(security) => setSmtp({ security })}
          />
          <TextField
            label="From"
            value={smtp.from}
            onChange={(from) => setSmtp({ from })}
            placeholder="weir@example.net"
          />
          <TextField
            label="User"
            value={smtp.user}
            autoComplete="off"
            onChange={(user) => setSmtp({ user })}
          />
          <TextField
            label="Password"
            type="password"
            autoComplete="new-password"
            value={smtp.password}
            onChange={(password) => setSmtp({ password })}
            placeholder={data.smtp?.hasPassword === true ? 'set; type to change' : ''}
          />
        </FieldGroup>
        <div className="space-y-2 border-line border-t px-4 py-3">
          {change.error !== null && <ProblemNote problem={change.error} />}
          <div className="flex flex-wrap gap-2">
            <button type="submit" className={PRIMARY_BUTTON} disabled={change.isPending}>
              Save
            </button>
            {first !== undefined && <TestButton target={`webhook:${first.id}`} text="Test the web hook" />}
            {data.smtp !== null && data.email.to.length > 0 && (
              <TestButton target="email" text="Test e-mail" />
            )}
          </div>
        </div>
      </form>
    </Panel>
  );
}

function TestButton({ target, text }: { target: string; text: string }) {
  const test = useAlertChange();
  return (
    <>
      <button
        type="button"
        className={PLAIN_BUTTON}
        disabled={test.isPending}
        onClick={() => test.mutate({ method: 'POST', path: 'notifications/test', body: { target } })}
      >
        {text}
      </button>
      <span role="status" className="self-center text-xs">
        {test.isPending && 'sending…'}
        {test.isSuccess && 'It was taken.'}
        {test.error !== null && <span className="text-drop">{test.error.message}</span>}
      </span>
    </>
  );
}

function SuppressionsPanel() {
  const { data } = useApi<{ suppressions: readonly Suppression[] }>(['alerts/suppressions', {}]);
  const change = useAlertChange();
  const suppressions = data?.suppressions ?? [];
  return (
    <Panel title="Suppressed" note={String(suppressions.length)}>
      {suppressions.length === 0 ? (
        <p className="px-4 py-4 text-ink-soft">
          Nothing is suppressed. Open an alert to silence what is like it for a time.
        </p>
      ) : (
        <ul aria-label="Suppressions" className="divide-y divide-line">
          {suppressions.map(({ id, detection, subject, network, reason, until, createdBy, hits }) => (
            <li key={id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 text-[0.8125rem]">
              <span className="min-w-0">
                {detection ?? 'every detection'}
                {subject !== undefined && <span className="wire break-all"> {subject.value}</span>}
                {network !== undefined && <span className="wire"> in {network}</span>}
                {reason !== '' && <span className="text-ink-soft"> ({reason})</span>}
              </span>
              <span className="figures text-ink-soft text-xs">
                until {formatDateTime(Date.parse(until))}, by {createdBy}, silenced {formatCount(hits)}
              </span>
              <button
                type="button"
                className={`${PLAIN_BUTTON} ml-auto`}
                disabled={change.isPending}
                onClick={() => change.mutate({ method: 'DELETE', path: `alerts/suppressions/${id}` })}
              >
                End
              </button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function QueuePanel({ queue }: { queue: NotificationsResponse['queue'] }) {
  const { waiting, delivered, failedAttempts, givenUp } = queue;
  return (
    <Panel title="Messages" note={`${formatCount(delivered)} delivered since the start`}>
      <div className="figures space-y-1 px-4 py-3 text-[0.8125rem]">
        <p className={failedAttempts > 0 ? 'text-warn' : 'text-ink-soft'}>
          {formatCount(failedAttempts)} attempts failed, {formatCount(givenUp)} messages were given up.
        </p>
        {waiting.map(({ target, subject, attempts, lastError, dueAt }) => (
          <p key={`${target} ${subject} ${dueAt}`} className="text-ink-soft">
            {target}: {subject}: {attempts} attempts, next {formatDateTime(Date.parse(dueAt))}
            {lastError !== '' && <span className="text-drop"> ({lastError})</span>}
          </p>
        ))}
      </div>
    </Panel>
  );
}
