/** `/notifications`: where alerts are told. Secrets go in and never come out. */
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { describeRoute } from '../query-routes.ts';
import { settingsAnswerSchema, settingsRequestSchema, withoutSecrets } from './notification-settings.ts';
import type { Notifier } from './notifier.ts';

const answer = settingsAnswerSchema.extend({
  queue: z.object({
    waiting: z.array(
      z.object({
        target: z.string(),
        subject: z.string(),
        attempts: z.number(),
        lastError: z.string(),
        dueAt: z.string(),
      }),
    ),
    queued: z.number(),
    delivered: z.number(),
    failedAttempts: z.number(),
    givenUp: z.number(),
    dropped: z.number(),
  }),
});
const testRequest = z.strictObject({ target: z.string().max(60).describe('email, or webhook:ID') });
const testAnswer = z.object({ sent: z.literal(true) });

export function createNotificationTopic(notifier: Notifier): ApiTopic {
  const read = () => ({
    ...withoutSecrets(notifier.settings.read()),
    queue: {
      ...notifier.queue.counters(),
      waiting: notifier.queue.waiting().map(({ target, subject, attempts, lastError, dueAtMs }) => ({
        target,
        subject,
        attempts,
        lastError,
        dueAt: new Date(dueAtMs).toISOString(),
      })),
    },
  });
  const operators = { role: 'operator' } as const;
  const administrators = { role: 'admin' } as const;
  return {
    addRoutes(api) {
      const described = describeRoute('Where alerts are told', undefined, answer);
      api.get('/notifications', { ...described, config: operators }, read);
      // Who sets an address can make this machine send requests: administrators only.
      api.put('/notifications', { ...described, config: administrators }, async (request) => {
        await notifier.settings.change(settingsRequestSchema.parse(request.body));
        return read();
      });
      const tested = describeRoute('Sends a test', undefined, testAnswer);
      api.post('/notifications/test', { ...tested, config: administrators }, async (request) => {
        await notifier.test(testRequest.parse(request.body).target);
        return { sent: true };
      });
    },
  };
}
