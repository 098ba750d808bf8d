import { X509Certificate, createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ConnectFailure, codeOf } from './failure.js';

/** TLS material of one hook, as PEM text. Verification itself cannot be switched off. */
export interface HookTls {
  /** Certificate authorities trusted for this hook, instead of the public ones. */
  readonly ca?: string;
  /** Client certificate, with its chain. */
  readonly cert?: string;
  /** Private key of the client certificate. */
  readonly key?: string;
}

const keys = new WeakMap<HookTls, string>();

/** A name for the material, so that connections are never shared between different identities. */
export function tlsKey(tls: HookTls | undefined): string {
  if (tls === undefined) return '';
  const known = keys.get(tls);
  if (known !== undefined) return known;
  const parts = [tls.ca ?? '', tls.cert ?? '', tls.key ?? ''];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  keys.set(tls, key);
  return key;
}

let publicContext: SecureContext | undefined;

/**
 * TLS 1.2 or newer. Own authorities replace the public ones: a private hook then cannot be impersonated with a public
 * certificate, and a context costs a third of a millisecond instead of the thirty that parsing all public ones takes.
 * Unusable material is the subscription's fault and comes back as a failure.
 */
export function secureContextFor(tls: HookTls | undefined): SecureContext | ConnectFailure {
  if (tls === undefined) return (publicContext ??= createSecureContext({ minVersion: 'TLSv1.2' }));
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(tls.ca !== undefined && { ca: authorities(tls.ca) }),
      ...(tls.cert !== undefined && { cert: tls.cert }),
      ...(tls.key !== undefined && { key: tls.key }),
    });
  } catch (error) {
    return new ConnectFailure('tls', 'The TLS certificate or key of the subscription is unusable.', codeOf(error));
  }
}

/** Read one by one: a context drops an unreadable authority silently, and the hook would fail for a reason nobody sees. */
function authorities(bundle: string): string[] {
  const blocks = bundle.match(/-----BEGIN[^]*?-----END[^\n]*/g) ?? [bundle];
  return blocks.map((block) => new X509Certificate(block).toString());
}
