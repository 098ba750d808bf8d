import { redacted } from '../audit/redaction.js';

/** A hook's URL for whoever may not manage the subscription: the query is a secret as often as not, so its values go. */
export function withoutQueryValues(url: string): string {
  const [, address = url, query] = /^([^?#]*)\?([^#]*)/.exec(url) ?? [];
  if (query === undefined) return url;
  const shown = query.split('&').map((part) => (part.includes('=') ? part.replace(/=.*$/s, `=${redacted}`) : redacted));
  return `${address}?${shown.join('&')}`;
}
