import type { HookResponse } from '@hookcast/egress';

/** What asking a hook came to. `detail` may be shown to the owner of the subscription. */
export type HandshakeOutcome =
  /** `allowedRate`: events a minute; null is any rate. */
  | { kind: 'granted'; by: 'options' | 'echo'; allowedRate: number | null }
  /** It knows the question and says no. */
  | { kind: 'refused'; detail: string }
  /** It answered something else. */
  | { kind: 'unsupported'; detail: string }
  | { kind: 'unreachable'; detail: string };

/**
 * Reads the answer to `OPTIONS` by CloudEvents HTTP webhooks 1.0.2 §4. Consent is the header and not the status, and so
 * is a refusal: gateways answer 403 to whatever method they do not know, which says nothing about the hook behind them.
 *
 * @param origin what was sent as `WebHook-Request-Origin`
 */
export function readOptionsAnswer(response: HookResponse, origin: string): HandshakeOutcome {
  if (response.kind === 'failed') return unreachable(response);
  const { status, headers } = response;
  const allowed = single(headers['webhook-allowed-origin']);
  if (allowed === undefined)
    return { kind: 'unsupported', detail: `OPTIONS was answered ${status}, without an allowed origin.` };
  if (allowed !== '*' && allowed.toLowerCase() !== origin.toLowerCase()) {
    return { kind: 'refused', detail: `The hook does not take events of the origin ${origin}.` };
  }
  if (!isSuccess(status)) return { kind: 'unsupported', detail: `OPTIONS was answered ${status}.` };
  return { kind: 'granted', by: 'options', allowedRate: rateOf(single(headers['webhook-allowed-rate'])) };
}

/** Reads the answer to `GET ?echo=<text>`: a plain endpoint agrees by sending the text back. */
export function readEchoAnswer(response: HookResponse, text: string): HandshakeOutcome {
  if (response.kind === 'failed') return unreachable(response);
  const { status, body } = response;
  if (isSuccess(status) && body.toString('utf8').trim() === text)
    return { kind: 'granted', by: 'echo', allowedRate: null };
  return { kind: 'unsupported', detail: `GET ?echo= was answered ${status}, without the text that was sent.` };
}

function unreachable({ error, detail }: Extract<HookResponse, { kind: 'failed' }>): HandshakeOutcome {
  return { kind: 'unreachable', detail: `${error}: ${detail}` };
}

/** A rate that is no number limits nothing: the hook has agreed, and 429 remains to it. */
function rateOf(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

function single(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text?.trim();
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;
