/** Tells people of alerts: each web hook of each one, by e-mail of those of a minute together. */
import { type Alert, severityRank } from '@weir/analysis';
import { type CancelTimer, type Clock, type Component, type Logger, UserError } from '@weir/base';
import type { AlertBook } from '../alerts/alert-book.ts';
import { createDeliveryQueue, type Delivery, type DeliveryQueue } from './delivery-queue.ts';
import { createMailer, type Mailer } from './mailer.ts';
import { type NotificationSettingsFile, openNotificationSettings } from './notification-settings.ts';
import { postWebhook } from './webhook-request.ts';

/** What is found within a minute comes in one mail. */
const MAIL_DELAY_MS = 60_000;
const MAIL_ALERTS_MAX = 50;

export interface Notifier extends Component {
  readonly settings: NotificationSettingsFile;
  readonly mailer: Mailer;
  readonly queue: Pick<DeliveryQueue, 'waiting' | 'counters'>;
  /**
   * Sends a test at once, to `email` or `webhook:ID`. Rejects with UserError `notification_unknown`, or
   * `notification_invalid` that says what the other side answered.
   */
  test(target: string): Promise<void>;
}

export interface NotifierOptions {
  readonly dataDirectory: string;
  readonly alerts: Pick<AlertBook, 'subscribe'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createNotifier({ dataDirectory, alerts, clock, logger }: NotifierOptions): Notifier {
  const settings = openNotificationSettings(dataDirectory, logger);
  const mailer = createMailer(() => settings.read().smtp);
  const queue = createDeliveryQueue({ dataDirectory, deliver, clock, logger });
  let forMail: Alert[] = [];
  let cancelMail: CancelTimer | undefined;
  let unsubscribe = (): void => {};

  async function deliver({ target, subject, body }: Pick<Delivery, 'target' | 'subject' | 'body'>) {
    const { webhooks, email } = settings.read();
    if (target === 'email') {
      if (email.to.length === 0 || !mailer.isConfigured()) return false;
      await mailer.send({ to: email.to, subject, text: body });
      return true;
    }
    const hook = webhooks.find(({ id }) => target === `webhook:${id}`);
    if (hook === undefined) return false;
    await postWebhook(hook, body, clock.nowMs());
    return true;
  }

  function notify(alert: Alert): void {
    const { webhooks, email } = settings.read();
    const reaches = (severity: Alert['severity']) => severityRank(alert.severity) >= severityRank(severity);
    for (const { id, enabled, severityMin } of webhooks) {
      if (!enabled || !reaches(severityMin)) continue;
      queue.add({
        target: `webhook:${id}`,
        subject: alert.title,
        body: JSON.stringify({ event: 'alert', alert }),
      });
    }
    if (!email.enabled || !reaches(email.severityMin)) return;
    forMail.push(alert);
    cancelMail ??= clock.after(MAIL_DELAY_MS, queueMail);
  }

  function queueMail(): void {
    cancelMail?.();
    cancelMail = undefined;
    if (forMail.length > 0) queue.add({ target: 'email', ...mailOf(forMail) });
    forMail = [];
  }

  return {
    settings,
    mailer,
    queue,
    async test(target) {
      const text = 'A test of Weir: alerts are told here.';
      const body = target === 'email' ? text : JSON.stringify({ event: 'test', message: text });
      const isKnown = await deliver({ target, subject: 'Weir: a test', body }).catch((error: Error) => {
        throw new UserError('notification_invalid', `the test was not taken: ${error.message}`);
      });
      if (!isKnown) throw new UserError('notification_unknown', `${target} is not set up`);
    },
    async start() {
      unsubscribe = alerts.subscribe((alert, isNews) => {
        if (isNews) notify(alert);
      });
      await queue.start();
    },
    async stop() {
      unsubscribe();
      queueMail();
      await queue.stop();
    },
  };
}

function mailOf(alerts: readonly Alert[]): { subject: string; body: string } {
  const gravest = alerts.reduce((one, other) =>
    severityRank(other.severity) > severityRank(one.severity) ? other : one,
  );
  const others = alerts.length === 1 ? '' : ` and ${alerts.length - 1} more`;
  const shown = alerts.slice(0, MAIL_ALERTS_MAX).map(textOf);
  if (alerts.length > MAIL_ALERTS_MAX)
    shown.push(`${alerts.length - MAIL_ALERTS_MAX} more are in the console.`);
  const subject = `Weir: ${gravest.severity}: ${gravest.title}: ${gravest.subject.value}${others}`;
  return { subject, body: shown.join('\n\n') };
}

function textOf({ severity, title, subject, score, lastSeen, explanation, evidence, id }: Alert): string {
  const numbers = evidence.numbers.map(({ name, value, unit = '', threshold }) =>
    `  ${name} = ${value} ${unit}${threshold === undefined ? '' : ` (threshold ${threshold})`}`.trimEnd(),
  );
  return [
    `${severity.toUpperCase()}: ${title}: ${subject.value} (score ${score.toFixed(3)}, alert ${id}, ` +
      `${lastSeen})`,
    explanation,
    ...numbers,
    `  flows: ${evidence.filter} from ${evidence.from} to ${evidence.to}`,
  ].join('\n');
}
