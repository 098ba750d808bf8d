/**
 * Names that a subscription's own headers may not take, `*` for any ending: what the broker says itself, what frames the
 * request, what proxies put in and receivers may trust, and `authorization`, since credentials are sealed in `auth`.
 */
export const reservedHeaders = [
  'host connection keep-alive te trailer transfer-encoding upgrade http2-settings expect',
  'origin content-* date user-agent accept-encoding traceparent tracestate webhook-* hookcast-* ce-*',
  'authorization proxy-* cookie set-cookie forwarded x-forwarded-* x-real-ip via',
].flatMap((line) => line.split(' '));

const names = new Set(reservedHeaders);
const beginnings = reservedHeaders.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a subscription's own headers may not have the name, however it is spelt. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return names.has(lower) || beginnings.some((beginning) => lower.startsWith(beginning));
}

/**
 * What may be sent of the headers that a subscription asks for, the names in lower case. The API refuses the rest when a
 * subscription is declared; this holds for whatever else wrote the row.
 */
export function customHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(
    lowered.filter(([name, value]) => headerName.test(name) && headerValue.test(value) && !isReservedHeader(name)),
  );
}
