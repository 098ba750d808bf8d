import type { Source } from '@hookcast/database';
import { schemeInfo } from './source-settings.js';

/** The URL of a source as the broker hands it out. */
export function handedOutUrl(publicUrl: string, name: string, token: string): string {
  return `${publicUrl}/in/${name}/${token}`;
}

/** With the secret at its end for the senders that can do nothing else than repeat it. */
export function urlForSender(url: string, source: Source, secret: string | undefined): string {
  if (secret === undefined || schemeInfo(source)?.name !== 'code-query') return url;
  return `${url}?${encodeURIComponent(source.options['param'] ?? 'code')}=${encodeURIComponent(secret)}`;
}
