/**
 * One HTTP POST of JSON. With a secret it is signed: `X-Weir-Signature: sha256=HEX` is the HMAC-SHA-256 (RFC 2104) of the
 * time in `X-Weir-Timestamp` (seconds since 1970), a full stop, and the body; who receives it refuses old times.
 */
import { createHmac } from 'node:crypto';

const TIMEOUT_MS = 10_000;

export interface WebhookTarget {
  readonly url: string;
  /** Empty: not signed. */
  readonly secret: string;
}

export function webhookHeaders(secret: string, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers = { 'content-type': 'application/json', 'user-agent': 'weir', 'x-weir-timestamp': timestamp };
  if (secret === '') return headers;
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { ...headers, 'x-weir-signature': `sha256=${signature}` };
}

/** Rejects when the receiver cannot be reached or answers anything but 2xx; follows no redirection. */
export async function postWebhook(
  { url, secret }: WebhookTarget,
  body: string,
  nowMs: number,
): Promise<void> {
  const headers = webhookHeaders(secret, body, nowMs);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
}
