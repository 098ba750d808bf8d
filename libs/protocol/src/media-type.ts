/** The media types of the two JSON forms; a request may add parameters such as `charset=utf-8`. */
export const mediaTypes = {
  structured: 'application/cloudevents+json',
  batch: 'application/cloudevents-batch+json',
} as const;

/** How an HTTP request carries events (CloudEvents HTTP binding 1.0.2 §3). */
export type ContentMode = 'structured' | 'batch' | 'binary';

/**
 * The content mode that a Content-Type announces: by prefix, as the binding says, so an event format we cannot read
 * (`application/cloudevents+avro`) is structured too. {@link isUnknownEventFormat} tells those apart.
 */
export function contentModeOf(contentType: string | undefined): ContentMode {
  // As nearly every request says it: nothing to lower, for every request that a hook receives.
  if (contentType === undefined || contentType === 'application/json') return 'binary';
  if (contentType.startsWith(mediaTypes.structured)) return 'structured';
  const type = contentType.trimStart().toLowerCase();
  if (type.startsWith('application/cloudevents-batch')) return 'batch';
  return type.startsWith('application/cloudevents') ? 'structured' : 'binary';
}

/** True when the Content-Type announces a CloudEvents format other than JSON, which deserves a 415. */
export function isUnknownEventFormat(contentType: string | undefined): boolean {
  const mode = contentModeOf(contentType);
  return mode !== 'binary' && essenceOf(contentType ?? '') !== mediaTypes[mode];
}

/** True when data of this media type is JSON: the subtype is `json` or ends in `+json` (CloudEvents JSON format §3). */
export function isJsonContentType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  if (contentType === 'application/json') return true;
  return /^[^/\s]+\/(?:[^/\s]+\+)?json$/.test(essenceOf(contentType));
}

/** The `charset` parameter in lower case, or undefined. */
export function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase();
}

function essenceOf(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
