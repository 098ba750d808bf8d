import { ConnectFailure } from './failure.js';

/** Headers that say where the request goes and where it ends: the client's own, whoever built the rest. */
const transportHeaders = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'proxy-connection',
  'proxy-authorization',
  'http2-settings',
]);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Names that passed. Nearly every request has the same dozen; the limit is for hostile custom headers. */
const passed = new Set<string>();

/**
 * The last look at header names and values before they become bytes. The API refuses the same at registration; what
 * was stored by an older version, an import or another program ends here.
 */
export function refuseHeaders(headers: Record<string, string>): ConnectFailure | undefined {
  for (const name in headers) {
    const fault = faultOf(name, headers[name]);
    if (fault !== undefined) return new ConnectFailure('other', fault, `header ${JSON.stringify(name)}: ${fault}`);
  }
  return undefined;
}

function faultOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !fieldValue.test(value)) return 'A header value of the subscription is malformed.';
  if (passed.has(name)) return undefined;
  if (!token.test(name)) return 'A header name of the subscription is malformed.';
  if (transportHeaders.has(name.toLowerCase())) return 'A header of the subscription is reserved.';
  if (passed.size < 1000) passed.add(name);
  return undefined;
}
