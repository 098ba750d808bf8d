import { verify as verifyWithKey } from 'node:crypto';
import { decodeCanonical, sameBytes } from './encoding.js';
import { fieldText } from './extract.js';
import { type HeaderLookup, type Inbound } from './inbound.js';
import { publicKeyOf, secretBytes } from './keys.js';
import { refused, type Refused, type SourceConfig } from './reception.js';
import { familyOf, isPublicKeyForm, type SignatureForm, type SignatureScheme, type TimestampRule } from './scheme.js';
import { digest, signedBytes, signedHeader, type SignedBytes } from './signed-bytes.js';
import { checkAge } from './timestamp.js';
import { secretsOf, setting } from './settings.js';

/** More signatures than any rotation needs; each costs a hash. */
const maxSignatures = 10;

/** A signature found in the request, decoded, with the form it claims. */
interface Candidate {
  readonly form: SignatureForm;
  readonly bytes: Buffer;
}

/** Undefined when one signature in the request matches one configured key over the parts the scheme names. */
export function verifySignature(
  scheme: SignatureScheme,
  request: Inbound,
  source: SourceConfig,
  now: Date,
): Refused | undefined {
  const family = familyOf(scheme, request);
  const tokens = signatureTokens(scheme, request.header(scheme.header.replace('*', family)));
  if ('kind' in tokens) return tokens;
  const candidates = candidatesOf(scheme, tokens);
  if (candidates.length === 0) return refused('malformed-signature');
  const keys = keysFor(scheme, request, source);
  if ('kind' in keys) return keys;
  const timestamp = readTimestamp(scheme.timestamp, { request, family, tokens });
  if (typeof timestamp === 'object') return timestamp;
  const spellings = signedBytes(scheme, { request, source, family, timestamp });
  if ('kind' in spellings) return spellings;
  const isGenuine = spellings.some((bytes) => candidates.some((candidate) => matches(candidate, bytes, keys)));
  return isGenuine ? checkTimestamp(scheme.timestamp, timestamp, request, now) : refused('signature-mismatch');
}

function signatureTokens(scheme: SignatureScheme, header: HeaderLookup): readonly string[] | Refused {
  if (header.kind === 'repeated') return refused('repeated-header');
  if (header.kind === 'missing' || header.value === '') return refused('missing-signature');
  return scheme.separator === undefined ? [header.value] : header.value.split(scheme.separator);
}

function candidatesOf(scheme: SignatureScheme, tokens: readonly string[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const token of tokens.slice(0, maxSignatures)) {
    const form = scheme.forms.find(({ prefix }) => token.startsWith(prefix));
    const bytes = form && decodeCanonical(token.slice(form.prefix.length), form.encoding);
    if (form && bytes) candidates.push({ form, bytes });
  }
  return candidates;
}

interface TimestampPlaces {
  readonly request: Inbound;
  readonly family: string;
  readonly tokens: readonly string[];
}

/** The timestamp's text; empty when the scheme has none or it lies in the body, which is read once verified. */
function readTimestamp(rule: TimestampRule | undefined, places: TimestampPlaces): string | Refused {
  if (rule === undefined || 'json' in rule.from) return '';
  if ('header' in rule.from) return signedHeader(places.request, rule.from.header.replace('*', places.family));
  const prefix = `${rule.from.field}=`;
  const fields = places.tokens.filter((token) => token.startsWith(prefix));
  if (fields.length > 1) return refused('repeated-header');
  return fields[0]?.slice(prefix.length) ?? refused('missing-header');
}

interface Keys {
  readonly secrets: readonly string[];
  readonly publicKeys: readonly string[];
}

function keysFor(scheme: SignatureScheme, request: Inbound, source: SourceConfig): Keys | Refused {
  const keys: Keys = { secrets: secretsOf(source), publicKeys: source.publicKeys ?? [] };
  const usable = scheme.forms.some((form) => (isPublicKeyForm(form) ? keys.publicKeys : keys.secrets).length > 0);
  if (!usable) return refused('no-secret');
  if (scheme.keyId === undefined) return keys;
  const named = signedHeader(request, scheme.keyId.header);
  if (typeof named === 'object') return named;
  const secrets = secretsNamed(named, setting(source, scheme.keyId.param), keys.secrets);
  return secrets.length === 0 ? refused('unknown-key') : { ...keys, secrets };
}

/** One id serves all secrets (its secret is being rotated); several ids belong to one secret each. */
function secretsNamed(named: string, list: string, secrets: readonly string[]): readonly string[] {
  const ids = list.split(',').map((id) => id.trim());
  if (ids.length === 1) return ids[0] === named ? secrets : [];
  return secrets.filter((_, index) => ids[index] === named);
}

function matches({ form, bytes }: Candidate, signed: SignedBytes, keys: Keys): boolean {
  if (isPublicKeyForm(form)) {
    const message = Buffer.concat(signed.map((piece) => Buffer.from(piece ?? '')));
    const hash = form.algorithm === 'ed25519' ? null : 'sha256';
    return keys.publicKeys.some((text) => {
      const key = publicKeyOf(text, form.key);
      return key !== undefined && verifyWithKey(hash, message, key, bytes);
    });
  }
  return keys.secrets.some((text) => {
    const key = secretBytes(text, form.key);
    return key !== undefined && sameBytes(digest(form.algorithm, key, signed), bytes);
  });
}

function checkTimestamp(
  rule: TimestampRule | undefined,
  text: string,
  request: Inbound,
  now: Date,
): Refused | undefined {
  if (rule === undefined) return undefined;
  const value = 'json' in rule.from ? fieldText(request.document, rule.from.json) : text;
  if (value === undefined) return refused('malformed-timestamp');
  // Without a tolerance of the sender's, the form still counts: it keeps the border to the next signed part fixed.
  const reason = checkAge(value, rule.unit, rule.toleranceSeconds ?? Infinity, now);
  return reason && refused(reason);
}
