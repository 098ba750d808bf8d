import {
  createVerifier,
  hookHeaders,
  type SignedRequest,
  type Verification,
  type VerificationKeys,
  type VerifyOptions,
} from '@hookcast/protocol';
import type { DeclaredSubscription } from './declared-subscriptions.js';
import { refused, type Refusal } from './hook-request-error.js';

/** Where secrets come from that are not known from the start; a registration is one. */
export interface SecretSource {
  /**
   * The `whsec_` secrets that may sign requests of a subscription; of `undefined` those that may sign when the sender names
   * none, which a registration never accepts. The same array until they change; empty while they are unknown.
   */
  secretsOf(subscription: string | undefined): readonly string[];
  /** The `whpk_` public keys in the same way. @default none */
  publicKeysOf?(subscription: string | undefined): readonly string[];
  /** The subscriptions that deliver here. Requests that name none of them are not the source's to verify. */
  readonly declared?: readonly DeclaredSubscription[] | undefined;
  /** Told when a signature matched none of them: they may have been changed on the broker. */
  refresh(): void;
}

type Verifier = (request: SignedRequest, options?: VerifyOptions) => Verification;

interface LearnedVerifier {
  publicKeys: readonly string[];
  verify: Verifier;
}

const none: readonly string[] = [];

/** Verifies requests with keys given once, or with those a source knows at the time. */
export class Keyring {
  private readonly fixed: Verifier | undefined;
  private readonly verifiers = new WeakMap<readonly string[], LearnedVerifier>();

  /** @throws {SecretError} when a key is not in its textual form */
  constructor(
    keys: VerificationKeys,
    private readonly source?: SecretSource | undefined,
  ) {
    const count = (keys.secrets?.length ?? 0) + (keys.publicKeys?.length ?? 0);
    this.fixed = count > 0 ? createVerifier(keys) : undefined;
  }

  verify(request: SignedRequest, options: VerifyOptions): { kind: 'verified' } | Refusal {
    const learned = this.source === undefined ? undefined : this.learned(this.source, request);
    const first = this.fixed ?? learned;
    if (first === undefined) return this.withoutKeys();
    let last = first(request, options);
    if (last.kind === 'refused' && learned !== undefined && learned !== first) last = learned(request, options);
    if (last.kind === 'verified') return last;
    if (last.reason === 'no-match') this.source?.refresh();
    return refused(last.reason, `The signature was not accepted: ${last.reason}.`);
  }

  /** Once there are keys for other subscriptions, 503 would tell a sender to wait for what no answer brings. */
  private withoutKeys(): Refusal {
    const { source } = this;
    const hasKeys = (name: string) =>
      [...(source?.secretsOf(name) ?? none), ...(source?.publicKeysOf?.(name) ?? none)].length > 0;
    if (source?.declared?.some(({ name }) => hasKeys(name)) !== true) {
      return refused('no-keys', 'No key is known yet: the broker has not answered.');
    }
    source.refresh();
    return refused('no-match', 'The request names no subscription that is declared here and has a key.');
  }

  private learned(source: SecretSource, { headers }: SignedRequest): Verifier | undefined {
    const header = headers[hookHeaders.subscription];
    const subscription = typeof header === 'string' ? header : undefined;
    const secrets = source.secretsOf(subscription);
    const publicKeys = source.publicKeysOf?.(subscription) ?? none;
    if (secrets.length + publicKeys.length === 0) return undefined;
    const known = this.verifiers.get(secrets);
    if (known?.publicKeys === publicKeys) return known.verify;
    const verify = createVerifier({ secrets, publicKeys });
    this.verifiers.set(secrets, { publicKeys, verify });
    return verify;
  }
}
