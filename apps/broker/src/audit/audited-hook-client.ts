import { HookClient, type HookClientOptions, type HookRequest, type HookResponse } from '@hookcast/egress';
import { defaultNamespace } from '../auth/namespace.js';
import type { Refusals } from './refusals.js';

/** Tells the audit log which requests were refused because of where they would have gone. */
export class AuditedHookClient extends HookClient {
  constructor(
    options: HookClientOptions,
    private readonly refusals: Refusals,
  ) {
    super(options);
  }

  /** Looks on from the side: thousands of deliveries a second wait for what comes back here. */
  override post(request: HookRequest): Promise<HookResponse> {
    const response = super.post(request);
    void response.then((outcome) => {
      if (outcome.kind === 'failed' && outcome.error === 'blocked' && !request.access)
        this.tell(request, outcome.detail);
    });
    return response;
  }

  /** Of the URL only the origin: the rest may hold a token. */
  private tell({ url, method = 'POST' }: HookRequest, detail: string): void {
    this.refusals.add({
      // Where hooks may go is the operator's decision.
      namespace: defaultNamespace,
      keyId: 'broker',
      keyName: 'broker',
      method,
      action: 'hook.call',
      target: URL.canParse(url) ? new URL(url).origin : 'hook',
      outcome: 'hook-address-forbidden',
      detail,
      requestId: null,
      address: null,
    });
  }
}
