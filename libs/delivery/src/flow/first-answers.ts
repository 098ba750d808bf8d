import { errorText, type DeliveryLog } from '../delivery-log.js';
import type { DeliverySubscription } from '../delivery-subscription.js';
import type { DeliveryStores } from '../delivery-stores.js';
import type { Sender } from '../sending/sender.js';

export interface FirstAnswersOptions {
  stores: Pick<DeliveryStores, 'noteFirstAnswer'>;
  lines: DeliveryLog;
}

/** Tells the control plane, and by it all other workers, of hooks that answer for the first time. */
export class FirstAnswers {
  /** What the subscription was when it was told of: the same URL may come again, and count as new. */
  private readonly told = new WeakMap<Sender, DeliverySubscription>();

  constructor(private readonly options: FirstAnswersOptions) {}

  /** The hook has answered, with whatever. */
  note(sender: Sender): void {
    const { subscription } = sender;
    if (subscription.neverAnswered !== true || this.told.get(sender) === subscription) return;
    this.told.set(sender, subscription);
    void this.tell(sender, subscription);
  }

  private async tell(sender: Sender, { id, url, name }: DeliverySubscription): Promise<void> {
    const { stores, lines } = this.options;
    try {
      await stores.noteFirstAnswer({ id, url });
    } catch (error) {
      // With the next answer again.
      this.told.delete(sender);
      lines.warn('delivery.first-answer-untold', { subscription: name, error: errorText(error) });
    }
  }
}
