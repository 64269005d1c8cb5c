/** E-mail over SMTP: alerts, and reports that are sent. */
import { UserError } from '@weir/base';
import type { SmtpSettings } from './notification-settings.ts';

export interface MailMessage {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly attachments?: readonly {
    readonly filename: string;
    readonly content: Uint8Array | string;
    readonly contentType: string;
  }[];
}

export interface Mailer {
  /** Whether a mail server is known. */
  isConfigured(): boolean;
  /**
   * Hands a message to the mail server, once. Rejects with UserError `mail_conflict` when none is known, and with what
   * the server or the network said when it was not taken.
   */
  send(message: MailMessage): Promise<void>;
}

/** A server that does not answer keeps nothing else waiting for longer. */
const TIMEOUT_MS = 20_000;

export function createMailer(settings: () => SmtpSettings | null): Mailer {
  return {
    isConfigured: () => settings() !== null,
    async send({ to, subject, text, html, attachments = [] }) {
      const smtp = settings();
      if (smtp === null) {
        throw new UserError('mail_conflict', 'no mail server is known: name one in Alerts, Notifications');
      }
      // Loaded when there is something to send: a start without it takes 0.08 CPU seconds less.
      const { createTransport } = await import('nodemailer');
      const transport = createTransport(transportOptions(smtp));
      try {
        await transport.sendMail({
          from: smtp.from,
          to: [...to],
          subject: subject.replaceAll(/[\r\n]+/g, ' '),
          text,
          ...(html === undefined ? {} : { html }),
          attachments: attachments.map(({ filename, content, contentType }) => ({
            filename,
            contentType,
            content: typeof content === 'string' ? content : Buffer.from(content),
          })),
          // Nothing of a message names a file or an address to read from.
          disableFileAccess: true,
          disableUrlAccess: true,
        });
      } finally {
        transport.close();
      }
    },
  };
}

function transportOptions({ host, port, security, user, password }: SmtpSettings) {
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    ...(user === '' ? {} : { auth: { user, pass: password } }),
  };
}
