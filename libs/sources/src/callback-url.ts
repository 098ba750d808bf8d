import { type Inbound } from './inbound.js';
import { type SourceConfig } from './reception.js';

/**
 * The URL that the sender signs: what was configured, never what the request claims, which a proxy or an attacker
 * may have changed. With a request, the configured query gives way to the one received.
 */
export function callbackUrl(source: SourceConfig, request?: Inbound): string | undefined {
  const configured = source.callbackUrl;
  if (configured === undefined || configured === '') return undefined;
  return request === undefined ? configured : `${configured.split(/[?#]/, 1)[0] ?? ''}${request.search}`;
}
