import { Inject, Injectable } from '@nestjs/common';
import { Service, Subscription } from '@hookcast/database';
import { In, type EntityManager } from 'typeorm';
import { ControlPlane, defaultNamespace } from '../control/control-plane.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { leaseEnd, SubscriptionDeclarations, type Declaration } from '../subscriptions/subscription-declarations.js';
import { SubscriptionResponses } from '../subscriptions/subscription-responses.js';
import { foreignNames, planOf } from './service-plan.js';
import type { HeartbeatResponse, PutServiceRequest, ServicePlan, ServiceResponse } from './service.dto.js';

@Injectable()
export class ServicesService {
  constructor(
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly declarations: SubscriptionDeclarations,
    private readonly responses: SubscriptionResponses,
  ) {}

  /** Creates, changes and removes subscriptions so that the service has exactly the declared ones. */
  async declare(service: string, request: PutServiceRequest): Promise<{ created: boolean; response: ServiceResponse }> {
    const wanted = this.checked(service, request);
    const { created, plan, revision } = await this.control.change((tx) =>
      this.apply(tx, service, wanted, request.revision),
    );
    const counts = Object.fromEntries(Object.entries(plan).map(([change, names]) => [change, names.length]));
    this.runtime.log.info({ service, revision, ...counts }, 'service.declared');
    const stored = await this.storedOf(this.control.manager, service, wanted);
    const answers = await this.responses.withSecrets(inOrder(wanted, stored));
    return { created, response: { service, revision, dryRun: false, plan, subscriptions: answers } };
  }

  /** What `declare` would do, without doing it. */
  async plan(service: string, request: PutServiceRequest): Promise<ServiceResponse> {
    const wanted = this.checked(service, request);
    const { manager } = this.control;
    const existing = await manager.findOneBy(Service, { namespace: defaultNamespace, name: service });
    const revision = newestRevision(existing, request.revision);
    const stored = await this.storedOf(manager, service, wanted);
    const plan = this.planFor(service, wanted, stored);
    const answers = await this.responses.all(inOrder(wanted, stored));
    return { service, revision, dryRun: true, plan, subscriptions: answers };
  }

  async heartbeat(service: string): Promise<HeartbeatResponse> {
    const now = this.runtime.clock.now();
    const known = await this.control.manager.update(
      Service,
      { namespace: defaultNamespace, name: service },
      { heartbeatAt: now },
    );
    if (known.affected === 0) throw new Problem('service-not-found', { detail: `No service is named "${service}".` });
    const owned = await this.control.manager.findBy(Subscription, { namespace: defaultNamespace, service });
    const stale = owned.some(({ state }) => state === 'stale');
    // Waking a stale subscription is a control change, a lease alone is not.
    const renewed = stale
      ? await this.control.change(async (tx) => renewLeases(tx, await ownedBy(tx, service), now))
      : await renewLeases(this.control.manager, owned, now);
    return {
      service,
      heartbeatAt: now.toISOString(),
      subscriptions: renewed.map(({ name, state, leasedUntil }) => ({
        name,
        state,
        leasedUntil: leasedUntil?.toISOString() ?? null,
      })),
    };
  }

  private checked(service: string, request: PutServiceRequest): Declaration[] {
    return request.subscriptions.map(({ name, ...rest }, index) =>
      this.declarations.check(name, { ...rest, service }, `/subscriptions/${index}`),
    );
  }

  private async apply(
    tx: EntityManager,
    service: string,
    wanted: readonly Declaration[],
    revision: number | undefined,
  ): Promise<{ created: boolean; plan: ServicePlan; revision: number | null }> {
    const existing = await tx.findOneBy(Service, { namespace: defaultNamespace, name: service });
    const newest = newestRevision(existing, revision);
    const stored = await this.storedOf(tx, service, wanted);
    const plan = this.planFor(service, wanted, stored);
    for (const one of stored.filter(({ name }) => plan.removed.includes(name))) await this.declarations.remove(tx, one);
    for (const declaration of wanted) await this.declarations.declare(tx, declaration);
    await this.storeService(tx, existing ?? undefined, { service, revision: newest });
    // Declaring is a sign of life for what did not change, too.
    await renewLeases(tx, await ownedBy(tx, service), this.runtime.clock.now());
    return { created: existing === null, plan, revision: newest };
  }

  private planFor(service: string, wanted: readonly Declaration[], stored: readonly Subscription[]): ServicePlan {
    const foreign = foreignNames(service, wanted, stored);
    if (foreign.length > 0) {
      const errors = foreign.map((name) => ({
        pointer: `/subscriptions/${wanted.findIndex((one) => one.name === name)}/name`,
        detail: 'belongs to another service',
      }));
      throw new Problem('subscription-owned', { errors });
    }
    return planOf(service, wanted, stored, (one, declaration) => this.declarations.isMet(one, declaration));
  }

  private async storedOf(tx: EntityManager, service: string, wanted: readonly Declaration[]): Promise<Subscription[]> {
    const names = wanted.map(({ name }) => name);
    return tx.findBy(Subscription, [
      { namespace: defaultNamespace, service },
      { namespace: defaultNamespace, name: In(names) },
    ]);
  }

  private async storeService(
    tx: EntityManager,
    existing: Service | undefined,
    { service, revision }: { service: string; revision: number | null },
  ): Promise<void> {
    const now = this.runtime.clock.now();
    const row = existing ?? tx.create(Service, { namespace: defaultNamespace, name: service, createdAt: now });
    await tx.save(
      Object.assign(row, { revision: revision === null ? null : String(revision), heartbeatAt: now, updatedAt: now }),
    );
  }
}

/** @throws Problem revision-outdated: an instance of the deploy before must not take its successor's place */
function newestRevision(existing: Service | null, revision: number | undefined): number | null {
  const stored = existing?.revision == null ? null : Number(existing.revision);
  if (stored !== null && revision !== undefined && revision < stored) {
    throw new Problem('revision-outdated', { detail: `Revision ${stored} is declared; ${revision} is older.` });
  }
  return revision ?? stored;
}

async function ownedBy(tx: EntityManager, service: string): Promise<Subscription[]> {
  return tx.findBy(Subscription, { namespace: defaultNamespace, service });
}

async function renewLeases(tx: EntityManager, owned: readonly Subscription[], now: Date): Promise<Subscription[]> {
  const renewed = owned.map((one) =>
    Object.assign(one, {
      leasedUntil: leaseEnd(one.leaseSeconds, now),
      ...(one.state === 'stale' && { state: 'active', stateReason: null }),
    }),
  );
  for (const { id, leasedUntil, state, stateReason } of renewed.filter((one) => one.leaseSeconds !== null)) {
    await tx.update(Subscription, { id }, { leasedUntil, state, stateReason });
  }
  return renewed;
}

function inOrder(wanted: readonly Declaration[], stored: readonly Subscription[]): Subscription[] {
  return wanted.flatMap(({ name }) => stored.filter((one) => one.name === name));
}
