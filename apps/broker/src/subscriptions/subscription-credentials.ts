import { X509Certificate, createPrivateKey } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { HookAuthShown, SealedHookAuth, SealedHookTls, Subscription } from '@hookcast/database';
import type { HookCredentials } from '@hookcast/delivery';
import { AccessTokens, checkUrl, type ClientCredentials, type EgressPolicy, type HookTls } from '@hookcast/egress';
import { Vault } from '../auth/vault.js';
import { EGRESS_POLICY } from '../egress/egress.module.js';
import type { FieldError } from '../http/problem.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';

type Owner = Pick<Subscription, 'namespace' | 'name'>;
type Stored = Owner & Pick<Subscription, 'auth' | 'tls'>;

/** Credentials as somebody wants them to be. */
export type HookAuth =
  | { type: 'basic'; username: string; password: string }
  | { type: 'bearer'; token: string }
  | ({ type: 'oauth2' } & ClientCredentials);

export interface WantedCredentials {
  auth: HookAuth | null;
  tls: HookTls | null;
}

/** Below this a hint would give away too much of the token. */
const shortestHinted = 16;

/** How the broker identifies itself to hooks besides signing: sealed at rest, opened only to send. */
@Injectable()
export class SubscriptionCredentials {
  private readonly vault: Vault;

  constructor(
    @Inject(RUNTIME) runtime: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey'>,
    @Inject(EGRESS_POLICY) private readonly egress: EgressPolicy,
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
  ) {
    this.vault = new Vault(keyringOf(runtime));
  }

  /** Faults that a DTO cannot see. */
  faults({ auth, tls }: WantedCredentials): FieldError[] {
    const faults: FieldError[] = [];
    if (auth?.type === 'oauth2') {
      const check = checkUrl(auth.tokenUrl, this.egress);
      if (check.kind === 'refused') faults.push({ pointer: '/auth/tokenUrl', detail: check.detail });
    }
    if (tls) faults.push(...tlsFaults(tls));
    return faults;
  }

  /** Whether a subscription has them already. */
  areMet(subscription: Stored, { auth, tls }: WantedCredentials): boolean {
    return isDeepStrictEqual(this.auth(subscription), auth) && isDeepStrictEqual(this.tls(subscription), tls);
  }

  sealed(owner: Owner, { auth, tls }: WantedCredentials): Pick<Subscription, 'auth' | 'tls'> {
    return { auth: auth && this.sealedAuth(owner, auth), tls: tls && this.sealedTls(owner, tls) };
  }

  /** For sending; undefined when there are none. @throws UnsealError */
  open(subscription: Stored): HookCredentials | undefined {
    return this.usable({ auth: this.auth(subscription), tls: this.tls(subscription) });
  }

  /** The same for some that are not stored yet. */
  usable({ auth, tls }: WantedCredentials): HookCredentials | undefined {
    if (!auth && !tls) return undefined;
    return { ...(auth && this.opened(auth)), ...(tls && { tls }) };
  }

  private opened(auth: HookAuth): HookCredentials {
    switch (auth.type) {
      case 'basic':
        return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
      case 'bearer':
        return { authorization: `Bearer ${auth.token}` };
      case 'oauth2':
        return { access: this.tokens.accessFor(auth) };
    }
  }

  private auth({ auth, ...owner }: Stored): HookAuth | null {
    // What was sealed here is what is opened here: the tag vouches for it.
    const opened: HookAuth | null = auth && JSON.parse(this.vault.open(auth.sealed, belongsTo(owner, 'auth')));
    return opened;
  }

  private tls({ tls, ...owner }: Stored): HookTls | null {
    const opened: HookTls | null = tls && JSON.parse(this.vault.open(tls.sealed, belongsTo(owner, 'tls')));
    return opened;
  }

  private sealedAuth(owner: Owner, auth: HookAuth): SealedHookAuth {
    return { shown: shownOf(auth), sealed: this.vault.seal(JSON.stringify(auth), belongsTo(owner, 'auth')) };
  }

  private sealedTls(owner: Owner, tls: HookTls): SealedHookTls {
    const certExpiresAt = tls.cert === undefined ? null : new Date(new X509Certificate(tls.cert).validTo).toISOString();
    return {
      shown: { hasCa: tls.ca !== undefined, hasCert: tls.cert !== undefined, certExpiresAt },
      sealed: this.vault.seal(JSON.stringify(tls), belongsTo(owner, 'tls')),
    };
  }
}

function shownOf(auth: HookAuth): HookAuthShown {
  switch (auth.type) {
    case 'basic':
      return { type: 'basic', username: auth.username };
    case 'bearer':
      return { type: 'bearer', tokenHint: auth.token.length < shortestHinted ? '…' : `…${auth.token.slice(-4)}` };
    case 'oauth2':
      return { type: 'oauth2', tokenUrl: auth.tokenUrl, clientId: auth.clientId, scope: auth.scope ?? null };
  }
}

function tlsFaults({ cert, key }: HookTls): FieldError[] {
  if ((cert === undefined) !== (key === undefined))
    return [
      {
        pointer: cert === undefined ? '/tls/cert' : '/tls/key',
        detail: 'is needed too: a certificate goes with its key',
      },
    ];
  if (cert === undefined || key === undefined) return [];
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return [];
    return [{ pointer: '/tls/key', detail: 'is not the key of the certificate' }];
  } catch {
    return [{ pointer: '/tls/key', detail: 'cannot be read' }];
  }
}

function belongsTo({ namespace, name }: Owner, column: 'auth' | 'tls'): string {
  return `subscriptions.${column} ${namespace}/${name}`;
}
