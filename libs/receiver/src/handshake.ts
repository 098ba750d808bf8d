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

/**
 * The answer to OPTIONS. A sender that is not allowed is told of an origin that is nobody's: without the header it could not
 * tell a hook that says no from one that does not know the question.
 */
export function answerHandshake(headers: HeaderValues, options: HandshakeOptions = {}): HookAnswer {
  const origin = headers['webhook-request-origin'];
  const { allowedOrigins = '*' } = options;
  const isAllowed = typeof origin === 'string' && (allowedOrigins === '*' || allowedOrigins.includes(origin));
  if (origin === undefined) return { status: 204, headers: { allow }, body: '' };
  if (!isAllowed) return { status: 403, headers: { allow, 'webhook-allowed-origin': 'null' }, body: '' };
  const rate = String(options.allowedRate ?? '*');
  const granted = { allow, 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate };
  return { status: 200, headers: granted, body: '' };
}
