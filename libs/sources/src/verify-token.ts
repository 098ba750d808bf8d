import { decodeCanonical, sameSecret } from './encoding.js';
import { fieldText } from './extract.js';
import { type HeaderLookup, type Inbound } from './inbound.js';
import { refused, type Refused, type SourceConfig } from './reception.js';
import { type TokenScheme } from './scheme.js';
import { secretsOf } from './settings.js';

/** Undefined when the request carries one of the configured secrets, exactly once, where the scheme says. */
export function verifyToken(scheme: TokenScheme, request: Inbound, source: SourceConfig): Refused | undefined {
  const secrets = secretsOf(source);
  if (secrets.length === 0) return refused('no-secret');
  const presented = presentedToken(scheme, tokenName(scheme, source), request);
  if (presented.kind !== 'one') return refused(presented.kind === 'missing' ? 'missing-signature' : 'repeated-header');
  // Every secret is compared, so that the time says nothing about which one matched.
  const matching = secrets.filter((secret) => sameSecret(secret, presented.value));
  return matching.length > 0 ? undefined : refused('signature-mismatch');
}

/** Where the token is looked for, lower case for a header. */
export function tokenName(scheme: TokenScheme, source: SourceConfig): string {
  const configured = scheme.nameParam === undefined ? undefined : source.params?.[scheme.nameParam];
  const name = configured ?? scheme.name;
  return scheme.from === 'header' ? name.toLowerCase() : name;
}

function presentedToken(scheme: TokenScheme, name: string, request: Inbound): HeaderLookup {
  switch (scheme.from) {
    case 'header':
      return request.header(name);
    case 'query':
      return exactlyOne(request.query.getAll(name));
    case 'basic':
      return withScheme(request.header('authorization'), 'basic', (text) =>
        decodeCanonical(text, 'base64')?.toString(),
      );
    case 'bearer':
      return bearer(request, name);
    case 'body':
      return request.isForm ? exactlyOne(request.form.getAll(name)) : inJson(request, name);
  }
}

/** RFC 6750: in the header or in the query, never in both. */
function bearer(request: Inbound, name: string): HeaderLookup {
  const inQuery = request.query.getAll(name);
  if (!request.hasHeader('authorization')) return exactlyOne(inQuery);
  return inQuery.length > 0 ? { kind: 'repeated' } : withScheme(request.header('authorization'), 'bearer');
}

function withScheme(
  lookup: HeaderLookup,
  scheme: string,
  decode: (text: string) => string | undefined = (text) => text,
): HeaderLookup {
  if (lookup.kind !== 'one') return lookup;
  const space = lookup.value.indexOf(' ');
  if (lookup.value.slice(0, space).toLowerCase() !== scheme) return { kind: 'missing' };
  const value = decode(lookup.value.slice(space + 1).trim());
  return value === undefined ? { kind: 'missing' } : { kind: 'one', value };
}

function inJson(request: Inbound, name: string): HeaderLookup {
  const value = fieldText(request.document, name);
  return value === undefined ? { kind: 'missing' } : { kind: 'one', value };
}

function exactlyOne(values: readonly string[]): HeaderLookup {
  const [value] = values;
  if (value === undefined) return { kind: 'missing' };
  return values.length === 1 ? { kind: 'one', value } : { kind: 'repeated' };
}
