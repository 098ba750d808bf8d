import { createHash, createHmac } from 'node:crypto';
import { callbackUrl } from './callback-url.js';
import { type Inbound } from './inbound.js';
import { refused, type Refused, type SourceConfig } from './reception.js';
import { type SecretAlgorithm, type SignatureScheme, type SignedPart } from './scheme.js';

const notPrintable = /[^\x20-\x7e]/;

/** Pieces of the signed bytes in order; `undefined` marks where the secret goes. */
export type SignedBytes = readonly (string | Buffer | undefined)[];

export interface SignedFrom {
  readonly request: Inbound;
  readonly source: SourceConfig;
  /** What stands for `*` in header names. */
  readonly family: string;
  /** The timestamp's text as sent. */
  readonly timestamp: string;
}

/** The signed bytes, once for each spelling of the URL; once when no URL is signed or it has one spelling. */
export function signedBytes(scheme: SignatureScheme, from: SignedFrom): readonly SignedBytes[] | Refused {
  const url = signedUrl(scheme, from);
  if (typeof url === 'object') return url;
  const spellings: SignedBytes[] = [];
  for (const spelling of scheme.urlSpellings ? new Set(scheme.urlSpellings(url)) : [url]) {
    const bytes = bytesWithUrl(scheme.signed, spelling, from);
    if ('kind' in bytes) return bytes;
    spellings.push(bytes);
  }
  return spellings;
}

/** Keyed digest over the pieces, fed one by one: the body is never copied. */
export function digest(algorithm: SecretAlgorithm, key: Buffer, pieces: SignedBytes): Buffer {
  const hash = algorithm === 'sha256' ? createHash('sha256') : createHmac(algorithm.slice('hmac-'.length), key);
  for (const piece of pieces) hash.update(piece ?? key);
  return hash.digest();
}

/** A header that is signed: exactly once, and printable, so that its text and its bytes cannot differ. */
export function signedHeader(request: Inbound, name: string): string | Refused {
  const lookup = request.header(name);
  if (lookup.kind !== 'one') return refused(lookup.kind === 'missing' ? 'missing-header' : 'repeated-header');
  return notPrintable.test(lookup.value) ? refused('malformed-signature') : lookup.value;
}

function signedUrl(scheme: SignatureScheme, { source, request }: SignedFrom): string | Refused {
  if (scheme.signed.includes('url')) return callbackUrl(source) ?? refused('misconfigured');
  if (!scheme.signed.includes('url-with-query')) return '';
  return callbackUrl(source, request) ?? refused('misconfigured');
}

function bytesWithUrl(signed: readonly SignedPart[], url: string, from: SignedFrom): SignedBytes | Refused {
  const pieces: (string | Buffer | undefined)[] = [];
  for (const part of signed) {
    const piece = bytesOf(part, url, from);
    if (typeof piece === 'object' && 'kind' in piece) return piece;
    pieces.push(piece);
  }
  return pieces;
}

function bytesOf(part: SignedPart, url: string, from: SignedFrom): string | Buffer | undefined | Refused {
  if (typeof part === 'object') {
    return 'text' in part ? part.text : signedHeader(from.request, part.header.replace('*', from.family));
  }
  switch (part) {
    case 'body':
      return from.request.body;
    case 'method':
      return from.request.method;
    case 'secret':
      return undefined;
    case 'timestamp':
      return from.timestamp;
    case 'url':
    case 'url-with-query':
      return url;
  }
}
