/** W3C Trace Context as it travels with an event. */
export interface Trace {
  traceparent: string;
  tracestate?: string;
}

const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const maxTracestate = 512;

/**
 * The trace named by headers or extension attributes. A malformed traceparent counts as none and a tracestate alone
 * means nothing (W3C Trace Context §3.2, §3.3): tracing never refuses a request.
 */
export function traceOf(named: Readonly<Record<string, string | string[] | undefined>>): Trace | undefined {
  const parent = named['traceparent'];
  if (typeof parent !== 'string' || !traceparent.test(parent)) return undefined;
  const state = [named['tracestate'] ?? []].flat().join(',');
  const usable = state !== '' && state.length <= maxTracestate && /^[\x20-\x7e]+$/.test(state);
  return usable ? { traceparent: parent, tracestate: state } : { traceparent: parent };
}
