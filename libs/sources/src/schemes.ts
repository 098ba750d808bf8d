import { type Encoding } from './encoding.js';
import { type SecretAlgorithm, type SecretFormat, type SignatureScheme, type TokenScheme } from './scheme.js';

interface HmacOptions extends Partial<
  Pick<SignatureScheme, 'signed' | 'urlSpellings' | 'timestamp' | 'keyId' | 'families'>
> {
  readonly header: string;
  readonly encoding: Encoding;
  /** @default '' */
  readonly prefix?: string;
  /** @default 'hmac-sha256' */
  readonly algorithm?: SecretAlgorithm;
  /** @default 'text' */
  readonly key?: SecretFormat;
}

/** The common case: one keyed digest in one header, over the body unless `signed` says more. */
export function hmac(options: HmacOptions): SignatureScheme {
  const {
    header,
    encoding,
    prefix = '',
    algorithm = 'hmac-sha256',
    key = 'text',
    signed = ['body'],
    ...rest
  } = options;
  return { kind: 'signature', header, forms: [{ prefix, encoding, algorithm, key }], signed, ...rest };
}

/** Standard Webhooks v1 and v1a: several signatures in one header, over `id.timestamp.body`, 5 minutes both ways. */
export function standardWebhooksScheme(families: readonly string[], asymmetric: boolean): SignatureScheme {
  return {
    kind: 'signature',
    header: '*signature',
    families,
    separator: ' ',
    forms: [
      { prefix: 'v1,', encoding: 'base64', algorithm: 'hmac-sha256', key: 'whsec' },
      ...(asymmetric ? [{ prefix: 'v1a,', encoding: 'base64', algorithm: 'ed25519', key: 'whpk' } as const] : []),
    ],
    signed: [{ header: '*id' }, { text: '.' }, 'timestamp', { text: '.' }, 'body'],
    timestamp: { from: { header: '*timestamp' }, unit: 's', toleranceSeconds: 300 },
  };
}

/** A secret in the URL. Kept out of logs by whoever logs URLs. */
export const codeQuery: TokenScheme = { kind: 'token', from: 'query', name: 'code', nameParam: 'param' };

/** HTTP basic authentication; the secret is `user:password`. */
export const basicAuth: TokenScheme = { kind: 'token', from: 'basic', name: 'authorization' };

export function headerToken(name: string): TokenScheme {
  return { kind: 'token', from: 'header', name, nameParam: 'header' };
}
