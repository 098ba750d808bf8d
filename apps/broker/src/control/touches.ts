import type { ControlTouches } from '@hookcast/database';
import type { EntityManager } from 'typeorm';

const underWay = new WeakMap<EntityManager, Touches>();

/**
 * What a change of the control plane touches. Whoever writes says so next to the statement. A change that says nothing may
 * have touched anything, so that a forgotten note costs a full load by every worker, and no delivery.
 */
export class Touches implements ControlTouches {
  private readonly subscriptions = new Set<number>();
  private readonly topics = new Set<number>();
  private isTold = false;

  static begin(tx: EntityManager): Touches {
    const touches = new Touches();
    underWay.set(tx, touches);
    return touches;
  }

  get isKnown(): boolean {
    return this.isTold;
  }

  get subscriptionIds(): number[] {
    return [...this.subscriptions];
  }

  get topicIds(): number[] {
    return [...this.topics];
  }

  /** Its row or one of its cursors was made, changed or removed. */
  subscription(...ids: readonly number[]): void {
    this.isTold = true;
    for (const id of ids) this.subscriptions.add(id);
  }

  /** Its row or its streams were made, changed or removed, or cursors of these for whatever subscription. */
  topic(id: number): void {
    this.isTold = true;
    this.topics.add(id);
  }

  /** Nothing that delivery has to know of. */
  nothing(): void {
    this.isTold = true;
  }
}

/** Of the change that runs in a transaction. */
export function touchesOf(tx: EntityManager): Touches {
  const touches = underWay.get(tx);
  if (!touches) throw new Error('No change of the control plane runs in this transaction.');
  return touches;
}
