import { type Encoding } from './encoding.js';
import { type Inbound } from './inbound.js';
import { type RawRequest, type Refused, type SourceConfig } from './reception.js';
import { type TimestampUnit } from './timestamp.js';

type MacAlgorithm = 'hmac-sha1' | 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';
/** `sha256` is a plain hash over parts of which one is the secret (HubSpot v1 and v2). */
export type SecretAlgorithm = MacAlgorithm | 'sha256';
export type PublicKeyAlgorithm = 'ed25519' | 'ecdsa-p256-sha256';

/** How the configured text becomes key bytes. `whsec`: base64 after an optional `whsec_`. */
export type SecretFormat = 'text' | 'hex' | 'base64' | 'whsec';
/** `spki`: base64 DER. `whpk`: base64 of 32 bytes after an optional `whpk_`. */
export type PublicKeyFormat = 'spki' | 'ed25519-hex' | 'whpk';

/** One spelling of a signature. A header value is tried against the form whose prefix it starts with. */
export type SignatureForm = { readonly prefix: string; readonly encoding: Encoding } & (
  | { readonly algorithm: SecretAlgorithm; readonly key: SecretFormat }
  | { readonly algorithm: PublicKeyAlgorithm; readonly key: PublicKeyFormat }
);

/** A piece of the signed bytes, in order. `timestamp` is the text as sent, never a reformatted time. */
export type SignedPart =
  | 'body'
  | 'method'
  | 'secret'
  | 'timestamp'
  /** The callback URL as configured. */
  | 'url'
  /** The callback URL without its query, then the query as received. */
  | 'url-with-query'
  | { readonly header: string }
  | { readonly text: string };

export interface TimestampRule {
  /** A header; a field `t=` beside the signatures; or a field of the signed JSON body. */
  readonly from: { readonly header: string } | { readonly field: string } | { readonly json: string };
  readonly unit: TimestampUnit;
  /** Absent: the sender defines none, so age is not checked. */
  readonly toleranceSeconds?: number;
}

/**
 * A signature described as data. Header names are lower case; a `*` in them stands for the first of `families` whose
 * signature header is present.
 */
export interface SignatureScheme {
  readonly kind: 'signature';
  readonly header: string;
  readonly forms: readonly SignatureForm[];
  /** Several signatures inside one value: any of them may match. */
  readonly separator?: ' ' | ',';
  readonly signed: readonly SignedPart[];
  /** How the sender may have spelt the callback URL; as it stands when absent. */
  readonly urlSpellings?: (url: string) => readonly string[];
  readonly timestamp?: TimestampRule;
  readonly families?: readonly string[];
  /** The header that names which key signed, and the setting that lists ours (comma-separated, in the secrets' order). */
  readonly keyId?: { readonly header: string; readonly param: string };
}

/** The secret itself travels in the request. */
export interface TokenScheme {
  readonly kind: 'token';
  readonly from: 'header' | 'query' | 'basic' | 'bearer' | 'body';
  /** Header, query parameter or body field. */
  readonly name: string;
  /** The setting that renames it. */
  readonly nameParam?: string;
}

/** What data cannot say. */
export interface CodeScheme {
  readonly kind: 'code';
  readonly needs: readonly ('secrets' | 'callbackUrl' | 'certificate')[];
  /** For the table: what is signed or compared, and how. */
  readonly describes: string;
  /** What is wrong with a configured secret, or undefined. */
  secretProblem?(secret: string): string | undefined;
  /** Undefined when the request is genuine. */
  verify(request: Inbound, source: SourceConfig, now: Date): Refused | undefined;
  /** Adds what a holder of the secret would add; absent when only the sender can sign. */
  sign?(request: RawRequest, source: SourceConfig, now: Date): RawRequest;
}

export type Scheme = SignatureScheme | TokenScheme | CodeScheme;

/** Resolves `*` in a scheme's header names for one request. */
export function familyOf(scheme: SignatureScheme, request: Inbound): string {
  const families = scheme.families ?? [''];
  return families.find((family) => request.hasHeader(scheme.header.replace('*', family))) ?? families[0] ?? '';
}

export function isPublicKeyForm(
  form: SignatureForm,
): form is Extract<SignatureForm, { algorithm: PublicKeyAlgorithm }> {
  return form.algorithm === 'ed25519' || form.algorithm === 'ecdsa-p256-sha256';
}

export function signsUrl(scheme: Scheme): boolean {
  if (scheme.kind === 'code') return scheme.needs.includes('callbackUrl');
  return scheme.kind === 'signature' && scheme.signed.some((part) => part === 'url' || part === 'url-with-query');
}

export function needsSecret(scheme: Scheme): boolean {
  if (scheme.kind === 'code') return scheme.needs.includes('secrets');
  return scheme.kind === 'token' || scheme.forms.some((form) => !isPublicKeyForm(form));
}

export function needsPublicKey(scheme: Scheme): boolean {
  return scheme.kind === 'signature' && scheme.forms.some(isPublicKeyForm);
}
