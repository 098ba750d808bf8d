import type { AddressRule } from './egress-policy.js';

/** What went wrong, for retry decisions and metrics. */
export type FailureClass =
  'timeout' | 'dns' | 'refused' | 'reset' | 'tls' | 'blocked' | 'protocol' | 'token' | 'aborted' | 'other';

/**
 * One text for closed, filtered and forbidden targets on addresses that are not public: whoever can register a hook
 * must not be able to map the operator's network with it.
 */
export const unreachable = 'The hook could not be reached, or its address may not be called.';

/** A connection that could not be opened. An expected outcome: it ends as a value in the answer of `HookClient.post`. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  /** Not one of undici's `UND_ERR_*` codes: those make its client try again by itself. */
  readonly code = 'HOOKCAST_CONNECT';

  /**
   * @param error class of the failure
   * @param detail text that the owner of the hook may see
   * @param log the rule, address or error code behind it, for logs only
   * @param rule the egress rule, for `blocked`
   */
  constructor(
    readonly error: FailureClass,
    readonly detail: string,
    readonly log: string,
    readonly rule?: AddressRule,
  ) {
    super(detail);
  }
}

/** A kept connection closed before the request on it was written. */
export const connectionGone = new ConnectFailure(
  'reset',
  'The hook closed the connection at once.',
  'connection closed before the request was written',
);

export function blocked(rule: AddressRule, target: string): ConnectFailure {
  return new ConnectFailure('blocked', unreachable, `egress rule "${rule}" refuses ${target}`, rule);
}

/** The machine-readable code of an error; for a connect to several addresses, that of the first. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);

/** Failure of a TCP connect. Public addresses get the reason; others the one text that tells nothing. */
export function tcpFailure(error: unknown, target: { label: string; open: 'public' | 'by-rule' }): ConnectFailure {
  const code = codeOf(error);
  const log = `connect to ${target.label}: ${code}`;
  if (code === 'ETIMEDOUT')
    return new ConnectFailure('timeout', visible(target.open, 'The connection timed out.'), log);
  if (unreachableCodes.has(code))
    return new ConnectFailure('refused', visible(target.open, `The connection was refused (${code}).`), log);
  if (code === 'ECONNRESET') return new ConnectFailure('reset', visible(target.open, 'The connection was reset.'), log);
  return new ConnectFailure('other', visible(target.open, `The connection failed (${code}).`), log);
}

export function tlsFailure(error: unknown, label: string): ConnectFailure {
  const code = codeOf(error);
  // A hook chooses what its certificate says, and how much.
  const text = error instanceof Error ? error.message.slice(0, 300) : code;
  return new ConnectFailure('tls', `The TLS handshake failed (${code}).`, `TLS with ${label}: ${code}: ${text}`);
}

const visible = (open: 'public' | 'by-rule', text: string): string => (open === 'public' ? text : unreachable);

const exchangeCodes: Partial<Record<string, FailureClass>> = {
  HTTPParserError: 'protocol',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'protocol',
  ERR_ASSERTION: 'protocol',
  UND_ERR_SOCKET: 'reset',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
};

/** Class of an error that ended a request on an open connection. */
export function exchangeFailure(error: unknown): FailureClass {
  if (error instanceof ConnectFailure) return error.error;
  const code = codeOf(error);
  // undici reports an answer that it cannot accept (unasked 100, 101, bytes without a request) as a socket error.
  if (error instanceof Error && error.message.startsWith('bad ')) return 'protocol';
  return exchangeCodes[code] ?? (/^ERR_(SSL|TLS)/.test(code) ? 'tls' : 'other');
}
