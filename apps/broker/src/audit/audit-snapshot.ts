import { ApiKey, Service, Source, Subscription, Topic } from '@hookcast/database';
import type { EntityManager } from 'typeorm';
import { defaultNamespace } from '../control/control-plane.js';
import { withoutSecrets } from './redaction.js';

/** What is stored of a target, without secrets; null when it is not there, or not of a kind that is stored whole. */
export async function snapshot(tx: EntityManager, target: string): Promise<unknown> {
  const [kind = '', name = ''] = target.split('/', 2);
  const found = await stored(tx, kind, name);
  return found === null ? null : withoutSecrets(found);
}

async function stored(tx: EntityManager, kind: string, name: string): Promise<object | null> {
  const owner = { namespace: defaultNamespace, name };
  switch (kind) {
    case 'topic':
      return tx.findOneBy(Topic, owner);
    case 'subscription':
      return tx.findOneBy(Subscription, owner);
    case 'source':
      return tx.findOneBy(Source, owner);
    case 'key':
      return name === '' ? null : tx.findOneBy(ApiKey, { namespace: defaultNamespace, id: name });
    case 'service':
      return storedService(tx, name);
    default:
      return null;
  }
}

async function storedService(tx: EntityManager, name: string): Promise<object | null> {
  const service = await tx.findOneBy(Service, { namespace: defaultNamespace, name });
  const subscriptions = await tx.find(Subscription, {
    where: { namespace: defaultNamespace, service: name },
    order: { name: 'asc' },
  });
  return service || subscriptions.length > 0 ? { service, subscriptions } : null;
}
