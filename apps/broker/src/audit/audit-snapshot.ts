import { ApiKey, Service, Source, Subscription, Topic } from '@hookcast/database';
import type { EntityManager } from 'typeorm';
import { withoutSecrets } from './redaction.js';

interface Owner {
  namespace: string;
  name: string;
}

/** What is stored of a target, without secrets; null when it is not there, or not of a kind that is stored whole. */
export async function snapshot(tx: EntityManager, target: string, namespace: string): Promise<unknown> {
  const [kind = '', name = ''] = target.split('/', 2);
  const found = await stored(tx, kind, { namespace, name });
  return found === null ? null : withoutSecrets(found);
}

async function stored(tx: EntityManager, kind: string, owner: Owner): Promise<object | null> {
  switch (kind) {
    case 'topic':
      return tx.findOneBy(Topic, owner);
    case 'subscription':
      return tx.findOneBy(Subscription, owner);
    case 'source':
      return tx.findOneBy(Source, owner);
    case 'key':
      // By its id alone: an operator makes keys of other namespaces.
      return owner.name === '' ? null : tx.findOneBy(ApiKey, { id: owner.name });
    case 'service':
      return storedService(tx, owner);
    default:
      return null;
  }
}

async function storedService(tx: EntityManager, { namespace, name }: Owner): Promise<object | null> {
  const service = await tx.findOneBy(Service, { namespace, name });
  const subscriptions = await tx.find(Subscription, {
    where: { namespace, service: name },
    order: { name: 'asc' },
  });
  return service || subscriptions.length > 0 ? { service, subscriptions } : null;
}
