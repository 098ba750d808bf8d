import type { HeaderValues } from '@hookcast/protocol';
import type { HookAnswer } from './hook-answer.js';

/** How a hook answers when a sender asks whether it may send (CloudEvents HTTP webhooks 1.0.2 §4). */
export interface HandshakeOptions {
  /** Origins that may send, or `*` for any: what they send is verified by its signature anyway. @default '*' */
  allowedOrigins?: '*' | readonly string[] | undefined;
  /** Requests a minute the sender may make. @default no limit */
  allowedRate?: number | undefined;
}

const allow = 'POST, OPTIONS';

/** The answer to OPTIONS. A sender that is not allowed gets no `WebHook-Allowed-Origin`, which is how the spec says no. */
export function answerHandshake(headers: HeaderValues, options: HandshakeOptions = {}): HookAnswer {
  const origin = headers['webhook-request-origin'];
  const { allowedOrigins = '*' } = options;
  const isAllowed = typeof origin === 'string' && (allowedOrigins === '*' || allowedOrigins.includes(origin));
  if (!isAllowed) return { status: 204, headers: { allow }, body: '' };
  const rate = String(options.allowedRate ?? '*');
  const granted = { allow, 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate };
  return { status: 200, headers: granted, body: '' };
}
