import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { createCursors, deleteCursors } from '@hookcast/log';
import { Subscription, Topic } from '@hookcast/database';
import { compileFilter } from '@hookcast/filter';
import { parseTimestamp } from '@hookcast/protocol';
import { In, type EntityManager } from 'typeorm';
import { operationalTopics } from '../announcements/operational-topics.js';
import { callerNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import type { HandshakeColumns } from '../handshake/handshake-state.js';
import type { FieldError } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SigningKeys } from '../signing-keys/signing-keys.js';
import { ensureTopic, matchesAny, plainTopic } from '../topics/topic-creation.js';
import { notePastFilter } from './past-filter-store.js';
import { DeclaredHandshakes } from './declared-handshakes.js';
import { DeclaredSecrets, type WantedSecrets } from './declared-secrets.js';
import { HookAddresses } from './hook-addresses.js';
import type { PutSubscriptionRequest } from './subscription.dto.js';
import { wantedCredentials } from './wanted-credentials.js';
import { hasSettings, settingsOf, type SubscriptionSettings } from './subscription-settings.js';

/** A subscription as somebody wants it to be, checked. */
export interface Declaration {
  name: string;
  settings: SubscriptionSettings;
  secrets: WantedSecrets;
  /** Where it stands in the request. */
  pointer: string;
  /** What its hook answered; undefined when it was not asked. */
  greeting?: HandshakeColumns | undefined;
}

export type Declared = { kind: 'created' | 'updated' | 'unchanged'; subscription: Subscription };

/** Creates, replaces and removes subscriptions together with their cursors, inside a control change. */
@Injectable()
export class SubscriptionDeclarations {
  @Inject() private readonly greeting!: DeclaredHandshakes;
  @Inject() private readonly signingKeys!: SigningKeys;

  constructor(
    private readonly secrets: DeclaredSecrets,
    private readonly addresses: HookAddresses,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
  ) {}

  /** @throws Problem for what a DTO cannot see; `pointer` is where the declaration stands in the body */
  check(name: string, request: PutSubscriptionRequest, pointer = ''): Declaration {
    const at = ({ pointer: field, detail }: FieldError) => ({ pointer: `${pointer}${field}`, detail });
    const settings = settingsOf(request);
    if (settings.timeoutMs > this.runtime.config.maxHookTimeoutMs) {
      const detail = `must not be greater than ${this.runtime.config.maxHookTimeoutMs}`;
      throw invalid([at({ pointer: '/timeoutMs', detail })]);
    }
    const settingFaults = faultsOf(settings).map(at);
    if (settingFaults.length > 0) throw invalid(settingFaults);
    this.addresses.refuseMalformed(settings.url, `${pointer}/url`);
    const secrets = { secret: request.secret, credentials: wantedCredentials(request) };
    const faults = this.secrets.faults(secrets).map(at);
    if (faults.length > 0) throw invalid(faults);
    return { name, settings, secrets, pointer };
  }

  /** True when nothing would change. */
  isMet(subscription: Subscription, { settings, secrets }: Declaration): boolean {
    return (
      subscription.state !== 'stale' &&
      hasSettings(subscription, settings) &&
      this.secrets.areMet(subscription, secrets)
    );
  }

  /** Makes it so. Repeating a declaration costs no control change. */
  async apply(declaration: Declaration): Promise<Declared> {
    const { name } = declaration;
    const existing = await this.control.manager.findOneBy(Subscription, { namespace: callerNamespace(), name });
    if (existing && this.isMet(existing, declaration)) {
      await this.renew(existing);
      return { kind: 'unchanged', subscription: existing };
    }
    const [ready = declaration] = await this.prepare([declaration], existing ? [existing] : []);
    const declared = await this.control.change(async (tx) => this.declare(tx, ready));
    this.runtime.log.info({ subscription: name, change: declared.kind }, 'subscription.declared');
    return declared;
  }

  /**
   * Looks at the addresses, and asks the hooks whose URL is not the stored one. Before a change and not inside it, since
   * other changes would wait.
   *
   * @throws Problem hook-address-forbidden, handshake-refused
   */
  async prepare(declarations: readonly Declaration[], stored: readonly Subscription[]): Promise<Declaration[]> {
    await Promise.all(
      declarations.map(async ({ settings, pointer }) => this.addresses.refuseForbidden(settings.url, `${pointer}/url`)),
    );
    return this.greeting.askNew(declarations, stored);
  }

  /** Deletes it, if it is still there. */
  async withdraw(name: string): Promise<void> {
    await this.control.change(async (tx) => {
      const subscription = await tx.findOneBy(Subscription, { namespace: callerNamespace(), name });
      if (subscription) await this.remove(tx, subscription);
    });
    this.runtime.log.info({ subscription: name, change: 'deleted' }, 'subscription.declared');
  }

  async declare(tx: EntityManager, declaration: Declaration): Promise<Declared> {
    const existing = await tx.findOneBy(Subscription, { namespace: callerNamespace(), name: declaration.name });
    touchesOf(tx).nothing();
    if (existing && this.isMet(existing, declaration)) return { kind: 'unchanged', subscription: existing };
    await this.ensureTopics(tx, declaration.settings.topics);
    if (existing && existing.filter !== declaration.settings.filter) {
      await notePastFilter(tx, existing, this.runtime.clock.now());
    }
    const before = existing?.topics;
    const subscription = await tx.save(existing ? this.replaced(existing, declaration) : this.created(tx, declaration));
    touchesOf(tx).subscription(subscription.id);
    // Cursors follow patterns here and topics where these are made, so the same patterns have theirs.
    if (!isDeepStrictEqual(before, subscription.topics)) await this.coverTopics(tx, subscription, before !== undefined);
    // Before the first delivery, so that its receiver finds the key when it looks for it.
    if (subscription.signature !== 'hmac') await this.signingKeys.ensure(tx, subscription.namespace);
    return { kind: existing ? 'updated' : 'created', subscription };
  }

  async remove(tx: EntityManager, subscription: Subscription): Promise<void> {
    touchesOf(tx).subscription(subscription.id);
    await deleteCursors(tx, { subscriptionId: subscription.id });
    await tx.delete(Subscription, { id: subscription.id });
  }

  /** They were declared again, as they are: whoever did so may have started just now. */
  async repeated(subscriptions: readonly Subscription[]): Promise<void> {
    await this.greeting.repeated(this.control.manager, subscriptions);
  }

  /** A repeated declaration is a sign of life too, but no change of configuration. */
  private async renew(subscription: Subscription): Promise<void> {
    await this.repeated([subscription]);
    if (subscription.leaseSeconds === null) return;
    subscription.leasedUntil = leaseEnd(subscription.leaseSeconds, this.runtime.clock.now());
    await this.control.manager.update(Subscription, { id: subscription.id }, { leasedUntil: subscription.leasedUntil });
  }

  private created(tx: EntityManager, declaration: Declaration): Subscription {
    const { name, settings, secrets } = declaration;
    const greeting = this.greeting.columnsOf(declaration);
    const now = this.runtime.clock.now();
    const owner = { namespace: callerNamespace(), name };
    return tx.create(Subscription, {
      ...owner,
      ...settings,
      ...greeting,
      ...this.greeting.openState(greeting.handshake),
      drainRate: null,
      ...this.secrets.initial(owner, secrets, now),
      leasedUntil: leaseEnd(settings.leaseSeconds, now),
      createdAt: now,
      updatedAt: now,
    });
  }

  private replaced(existing: Subscription, declaration: Declaration): Subscription {
    const { settings, secrets } = declaration;
    const now = this.runtime.clock.now();
    // A new address heals what suspended the old one; declaring is a sign of life like a heartbeat.
    const isNewUrl = existing.url !== settings.url;
    const revived = existing.state === 'stale' || (existing.state !== 'paused' && isNewUrl);
    const { handshake, handshakeAt, neverAnswered } = isNewUrl ? this.greeting.columnsOf(declaration) : existing;
    return Object.assign(existing, settings, {
      ...(revived && this.greeting.openState(handshake)),
      handshake,
      handshakeAt,
      neverAnswered,
      ...this.secrets.replaced(existing, secrets, now),
      leasedUntil: leaseEnd(settings.leaseSeconds, now),
      updatedAt: now,
    });
  }

  /** Topics that are named without wildcards exist from the first subscription on; those of the broker always do. */
  private async ensureTopics(tx: EntityManager, patterns: readonly string[]): Promise<void> {
    const { defaultPartitions, autoCreateTopics } = this.runtime.config;
    const now = this.runtime.clock.now();
    for (const name of Object.values(operationalTopics).filter((one) => matchesAny(patterns, one))) {
      await ensureTopic(tx, plainTopic(name, defaultPartitions), now);
    }
    const missing: FieldError[] = [];
    for (const [index, name] of patterns.entries()) {
      if (name.includes('*')) continue;
      if (autoCreateTopics) {
        await ensureTopic(tx, plainTopic(name, defaultPartitions), now);
      } else if (!(await tx.existsBy(Topic, { namespace: callerNamespace(), name }))) {
        missing.push({ pointer: `/topics/${index}`, detail: 'is a topic that does not exist' });
      }
    }
    if (missing.length > 0) throw invalid(missing);
  }

  /** Cursors exist for exactly the topics that match: new ones begin where `startFrom` says, others go. */
  private async coverTopics(
    tx: EntityManager,
    { id, topics: patterns, startFrom }: Subscription,
    hasCursors: boolean,
  ): Promise<void> {
    // Only a wildcard, or cursors that may have to go, make all topics of interest.
    const isNamed = !hasCursors && !patterns.some((pattern) => pattern.includes('*'));
    const topics = await tx.find(Topic, {
      where: { namespace: callerNamespace(), ...(isNamed && { name: In(patterns) }) },
      select: { id: true, name: true },
    });
    const matching = topics.filter((topic) => matchesAny(patterns, topic.name)).map((topic) => topic.id);
    const others = topics.map((topic) => topic.id).filter((topicId) => !matching.includes(topicId));
    if (hasCursors && others.length > 0) await deleteCursors(tx, { subscriptionId: id, topicIds: others });
    if (matching.length > 0)
      await createCursors(tx, { subscriptionId: id, topicIds: matching, start: startOf(startFrom) });
  }
}

function faultsOf({ batch, format, filter }: SubscriptionSettings): FieldError[] {
  const faults: FieldError[] = [];
  if (batch !== null && format !== 'cloudevents')
    faults.push({ pointer: '/batch', detail: 'needs format cloudevents' });
  const fault = filterFault(filter);
  if (fault !== undefined) faults.push({ pointer: '/filter', detail: fault });
  return faults;
}

/** What is wrong with a filter and where, in words; undefined when nothing is. */
export function filterFault(text: string | null): string | undefined {
  if (text === null) return undefined;
  const compiled = compileFilter(text);
  if (compiled.kind === 'ok') return undefined;
  const { line, column } = compiled.position;
  return `line ${line}, column ${column}: ${compiled.detail}`;
}

export function leaseEnd(leaseSeconds: number | null, now: Date): Date | null {
  return leaseSeconds === null ? null : new Date(now.getTime() + leaseSeconds * 1000);
}

function startOf(startFrom: string): { kind: 'latest' } | { kind: 'earliest' } | { kind: 'time'; at: Date } {
  if (startFrom === 'latest' || startFrom === 'earliest') return { kind: startFrom };
  const at = parseTimestamp(startFrom);
  if (!at) throw new Error(`A stored startFrom is no time: ${startFrom}`);
  return { kind: 'time', at };
}
