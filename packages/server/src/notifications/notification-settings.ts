/** Where alerts are told: web hooks and e-mail. Secrets are written, never read back. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ALERT_SEVERITIES } from '@weir/analysis';
import { createStateFile, type Logger, UserError } from '@weir/base';
import { z } from 'zod';

const WEBHOOKS_MAX = 10;
const RECIPIENTS_MAX = 20;
/** A line break in a header of a mail would begin another header. */
const headerText = z
  .string()
  .max(320)
  .regex(/^[^\r\n]*$/, 'no line breaks');
const mailAddress = headerText.regex(/^[^\s@<>]+@[^\s@<>]+$/, 'an address like noc@example.net');
const severityMin = z.enum(ALERT_SEVERITIES).default('medium');

const smtpFields = {
  host: z.string().min(1).max(253),
  port: z.number().int().min(1).max(65535).default(587),
  security: z
    .enum(['starttls', 'tls', 'none'])
    .default('starttls')
    .describe('none: unencrypted, for a relay on this machine'),
  user: headerText.default(''),
  from: mailAddress,
};

const webhookFields = {
  id: z.string().regex(/^[a-z0-9-]{1,40}$/, 'small letters, digits and -'),
  url: z.url({ protocol: /^https?$/ }).max(2000),
  enabled: z.boolean().default(true),
  severityMin,
};

const emailFields = {
  enabled: z.boolean().default(false),
  to: z.array(mailAddress).max(RECIPIENTS_MAX).default([]),
  severityMin,
};

const settingsSchema = z.object({
  version: z.literal(1),
  smtp: z.object({ ...smtpFields, password: z.string() }).nullable(),
  webhooks: z.array(z.object({ ...webhookFields, secret: z.string() })),
  email: z.object(emailFields),
});
export type NotificationSettings = z.infer<typeof settingsSchema>;
export type SmtpSettings = NonNullable<NotificationSettings['smtp']>;

/** What people send: a secret that is left out stays as it is. */
export const settingsRequestSchema = z.strictObject({
  smtp: z.strictObject({ ...smtpFields, password: z.string().max(500).exactOptional() }).nullable(),
  webhooks: z
    .array(z.strictObject({ ...webhookFields, secret: z.string().max(500).exactOptional() }))
    .max(WEBHOOKS_MAX)
    .refine((hooks) => new Set(hooks.map(({ id }) => id)).size === hooks.length, 'two have the same id'),
  email: z.strictObject(emailFields),
});
export type SettingsRequest = z.infer<typeof settingsRequestSchema>;

/** What people read: whether there is a secret, never which. */
export const settingsAnswerSchema = z.object({
  smtp: z.object({ ...smtpFields, hasPassword: z.boolean() }).nullable(),
  webhooks: z.array(z.object({ ...webhookFields, hasSecret: z.boolean() })),
  email: z.object(emailFields),
});

export const NO_NOTIFICATIONS: NotificationSettings = {
  version: 1,
  smtp: null,
  webhooks: [],
  email: { enabled: false, to: [], severityMin: 'medium' },
};

export interface NotificationSettingsFile {
  read(): NotificationSettings;
  /** Throws UserError `notifications_invalid` when e-mail is on and cannot be sent. */
  change(request: SettingsRequest): Promise<void>;
}

/** The settings in `notifications/settings.json` of the data folder, readable by its owner only. */
export function openNotificationSettings(dataDirectory: string, logger: Logger): NotificationSettingsFile {
  const folder = path.join(dataDirectory, 'notifications');
  const file = path.join(folder, 'settings.json');
  const state = createStateFile({
    path: file,
    initial: NO_NOTIFICATIONS,
    parse: (value) => settingsSchema.parse(value),
    logger,
  });
  return {
    read: () => state.read(),
    async change(request) {
      const next = withSecrets(request, state.read());
      if (next.email.enabled && (next.smtp === null || next.email.to.length === 0)) {
        throw new UserError(
          'notifications_invalid',
          'e-mail: needs a mail server and somebody to send it to',
        );
      }
      mkdirSync(folder, { recursive: true });
      if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600 });
      chmodSync(file, 0o600);
      await state.write(next);
    },
  };
}

function withSecrets(request: SettingsRequest, before: NotificationSettings): NotificationSettings {
  const { smtp } = request;
  // A password goes to the server that it was given for, to no other.
  const kept = before.smtp?.host === smtp?.host ? before.smtp?.password : undefined;
  return {
    version: 1,
    smtp: smtp === null ? null : { ...smtp, password: smtp.password ?? kept ?? '' },
    webhooks: request.webhooks.map((hook) => {
      const known = before.webhooks.find(({ id, url }) => id === hook.id && url === hook.url);
      return { ...hook, secret: hook.secret ?? known?.secret ?? '' };
    }),
    email: request.email,
  };
}

export function withoutSecrets(settings: NotificationSettings): z.infer<typeof settingsAnswerSchema> {
  const { smtp, webhooks, email } = settings;
  return {
    smtp: smtp === null ? null : withoutPassword(smtp),
    webhooks: webhooks.map(({ secret, ...hook }) => ({ ...hook, hasSecret: secret !== '' })),
    email,
  };
}

function withoutPassword({ password, ...smtp }: SmtpSettings) {
  return { ...smtp, hasPassword: password !== '' };
}
