import { Inject, Injectable } from '@nestjs/common';
import { Service, Subscription } from '@hookcast/database';
import { In, type EntityManager } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
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
    const { created, plan, revision } =
      (await this.repeated(service, wanted, request.revision)) ??
      (await this.change(service, wanted, request.revision));
    const counts = Object.fromEntries(Object.entries(plan).map(([change, names]) => [change, names.length]));
    this.runtime.log.info({ service, revision, ...counts }, 'service.declared');
    const stored = await this.storedOf(this.control.manager, service, wanted);
    const answers = await this.responses.withSecrets(inOrder(wanted, stored));
    const response = { service, namespace: callerNamespace(), revision, dryRun: false, plan, subscriptions: answers };
    return { created, response };
  }

  /** What `declare` would do, without doing it. Whoever may ask may declare, so secrets are shown as there. */
  async plan(service: string, request: PutServiceRequest): Promise<ServiceResponse> {
    const wanted = this.checked(service, request);
    const { revision, plan, stored } = await this.compare(this.control.manager, service, wanted, request.revision);
    const answers = await this.responses.withSecrets(inOrder(wanted, stored));
    return { service, namespace: callerNamespace(), revision, dryRun: true, plan, subscriptions: answers };
  }

  async heartbeat(service: string): Promise<HeartbeatResponse> {
    const now = this.runtime.clock.now();
    const known = await this.control.manager.update(
      Service,
      { namespace: callerNamespace(), name: service },
      { heartbeatAt: now },
    );
    if (known.affected === 0) throw new Problem('service-not-found', { detail: `No service is named "${service}".` });
    const owned = await ownedBy(this.control.manager, service);
    const stale = owned.some(({ state }) => state === 'stale');
    // Waking a stale subscription is a control change, a lease alone is not.
    const renewed = stale
      ? await this.control.change(async (tx) => renewLeases(tx, await wake(tx, service), now))
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
    return request.subscriptions.map(({ name, ...rest }, index) => {
      const pointer = `/subscriptions/${index}`;
      if ((rest.service ?? service) !== service) {
        throw invalid([{ pointer: `${pointer}/service`, detail: 'must be the service that declares it' }]);
      }
      return this.declarations.check(name, { ...rest, service }, pointer);
    });
  }

  private async change(
    service: string,
    wanted: readonly Declaration[],
    revision: number | undefined,
  ): Promise<Applied> {
    const stored = await this.storedOf(this.control.manager, service, wanted);
    const ready = await this.declarations.prepare(wanted, stored);
    return this.control.change((tx) => this.apply(tx, service, ready, revision));
  }

  /** A declaration that changes nothing is a sign of life and no control change. */
  private async repeated(
    service: string,
    wanted: readonly Declaration[],
    revision: number | undefined,
  ): Promise<Applied | undefined> {
    const { manager } = this.control;
    const compared = await this.compare(manager, service, wanted, revision);
    const { existing, plan, stored } = compared;
    const changes = plan.created.length + plan.updated.length + plan.removed.length;
    const isSame = existing !== null && storedRevision(existing) === compared.revision && changes === 0;
    if (!isSame) return undefined;
    const now = this.runtime.clock.now();
    await manager.update(Service, { id: existing.id }, { heartbeatAt: now });
    await renewLeases(manager, stored, now);
    await this.declarations.repeated(stored);
    return { created: false, plan, revision: compared.revision };
  }

  private async apply(
    tx: EntityManager,
    service: string,
    wanted: readonly Declaration[],
    requested: number | undefined,
  ): Promise<Applied> {
    const { existing, revision, plan, stored } = await this.compare(tx, service, wanted, requested);
    for (const one of stored.filter(({ name }) => plan.removed.includes(name))) await this.declarations.remove(tx, one);
    for (const declaration of wanted) await this.declarations.declare(tx, declaration);
    await this.storeService(tx, existing, { service, revision });
    // Declaring is a sign of life for what did not change, too.
    await renewLeases(tx, await wake(tx, service), this.runtime.clock.now());
    return { created: existing === null, plan, revision };
  }

  private async compare(
    source: EntityManager,
    service: string,
    wanted: readonly Declaration[],
    requested: number | undefined,
  ): Promise<{ existing: Service | null; revision: number | null; plan: ServicePlan; stored: Subscription[] }> {
    const existing = await source.findOneBy(Service, { namespace: callerNamespace(), name: service });
    const revision = newestRevision(existing, requested);
    const stored = await this.storedOf(source, service, wanted);
    return { existing, revision, stored, plan: this.planFor(service, wanted, stored) };
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
      { namespace: callerNamespace(), service },
      { namespace: callerNamespace(), name: In(names) },
    ]);
  }

  private async storeService(
    tx: EntityManager,
    existing: Service | null,
    { service, revision }: { service: string; revision: number | null },
  ): Promise<void> {
    const now = this.runtime.clock.now();
    const row = existing ?? tx.create(Service, { namespace: callerNamespace(), name: service, createdAt: now });
    await tx.save(
      Object.assign(row, { revision: revision === null ? null : String(revision), heartbeatAt: now, updatedAt: now }),
    );
  }
}

interface Applied {
  created: boolean;
  plan: ServicePlan;
  revision: number | null;
}

function storedRevision(service: Service | null): number | null {
  return service?.revision == null ? null : Number(service.revision);
}

/** @throws Problem revision-outdated: an instance of the deploy before must not take its successor's place */
function newestRevision(existing: Service | null, revision: number | undefined): number | null {
  const stored = storedRevision(existing);
  if (stored !== null && revision !== undefined && revision < stored) {
    throw new Problem('revision-outdated', { detail: `Revision ${stored} is declared; ${revision} is older.` });
  }
  return revision ?? stored;
}

/** Makes the stale subscriptions of a service active; gives back all of it. Inside a control change. */
async function wake(tx: EntityManager, service: string): Promise<Subscription[]> {
  const stale = { namespace: callerNamespace(), service, state: 'stale' as const };
  const found = await tx.find(Subscription, { where: stale, select: { id: true } });
  touchesOf(tx).subscription(...found.map(({ id }) => id));
  if (found.length > 0) await tx.update(Subscription, stale, { state: 'active', stateReason: null });
  return ownedBy(tx, service);
}

/** In the order of their names: an update moves a row, and so the order it is found in. */
async function ownedBy(source: EntityManager, service: string): Promise<Subscription[]> {
  return source.find(Subscription, { where: { namespace: callerNamespace(), service }, order: { name: 'asc' } });
}

/** Writes nothing but the lease, since it may run beside a control change. */
async function renewLeases(tx: EntityManager, owned: readonly Subscription[], now: Date): Promise<Subscription[]> {
  for (const one of owned.filter(({ leaseSeconds }) => leaseSeconds !== null)) {
    one.leasedUntil = leaseEnd(one.leaseSeconds, now);
    await tx.update(Subscription, { id: one.id }, { leasedUntil: one.leasedUntil });
  }
  return [...owned];
}

function inOrder(wanted: readonly Declaration[], stored: readonly Subscription[]): Subscription[] {
  return wanted.flatMap(({ name }) => stored.filter((one) => one.name === name));
}
