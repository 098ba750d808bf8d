import {
  createVerifier,
  hookHeaders,
  type SignedRequest,
  type Verification,
  type VerificationKeys,
  type VerifyOptions,
} from '@hookcast/protocol';
import { refused, type Refusal } from './hook-request-error.js';

/** Where secrets come from that are not known from the start; a registration is one. */
export interface SecretSource {
  /**
   * The `whsec_` secrets that may sign requests of a subscription, or of any when the sender names none. The same array
   * until they change; empty while they are unknown.
   */
  secretsOf(subscription: string | undefined): readonly string[];
  /** Told when a signature matched none of them: they may have been changed on the broker. */
  refresh(): void;
}

type Verifier = (request: SignedRequest, options?: VerifyOptions) => Verification;

/** Verifies requests with keys given once, or with those a source knows at the time. */
export class Keyring {
  private readonly fixed: Verifier | undefined;
  private readonly verifiers = new WeakMap<readonly string[], Verifier>();

  /** @throws {SecretError} when a key is not in its textual form */
  constructor(
    keys: VerificationKeys,
    private readonly source?: SecretSource | undefined,
  ) {
    const count = (keys.secrets?.length ?? 0) + (keys.publicKeys?.length ?? 0);
    this.fixed = count > 0 ? createVerifier(keys) : undefined;
  }

  verify(request: SignedRequest, options: VerifyOptions): { kind: 'verified' } | Refusal {
    const verifiers = [this.fixed, this.learned(request)].filter((verifier) => verifier !== undefined);
    if (verifiers.length === 0) return refused('no-keys', 'No secret is known yet: the broker has not answered.');
    let last: Verification = { kind: 'refused', reason: 'no-match' };
    for (const verifier of verifiers) {
      last = verifier(request, options);
      if (last.kind === 'verified') return last;
    }
    if (last.reason === 'no-match') this.source?.refresh();
    return refused(last.reason, `The signature was not accepted: ${last.reason}.`);
  }

  private learned({ headers }: SignedRequest): Verifier | undefined {
    const subscription = headers[hookHeaders.subscription];
    const secrets = this.source?.secretsOf(typeof subscription === 'string' ? subscription : undefined) ?? [];
    if (secrets.length === 0) return undefined;
    const known = this.verifiers.get(secrets) ?? createVerifier({ secrets });
    this.verifiers.set(secrets, known);
    return known;
  }
}
