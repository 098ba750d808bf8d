import { Inject, Injectable } from '@nestjs/common';
import { checkUrl, HookClient, type EgressPolicy } from '@hookcast/egress';
import { EGRESS_POLICY } from '../egress/egress.module.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { isOwnAddress } from './own-address.js';

const ownAddress = 'The hook URL is where this broker takes events in: they would come back for ever.';

/** Whether hooks may be where somebody wants them to be. */
@Injectable()
export class HookAddresses {
  constructor(
    @Inject(EGRESS_POLICY) private readonly policy: EgressPolicy,
    @Inject(HookClient) private readonly client: HookClient,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'config'>,
  ) {}

  /** As far as it can be seen without asking anybody. @throws Problem validation-failed, hook-address-forbidden */
  refuseMalformed(url: string, pointer: string): void {
    const check = checkUrl(url, this.policy);
    if (check.kind === 'ok') {
      if (isOwnAddress(check.url, this.runtime.config.publicUrl)) throw forbidden(ownAddress, pointer);
      return;
    }
    const { rule, detail } = check;
    // Only what the address is, not how it is written, is a matter of egress rules.
    const malformed = rule === 'url' || rule === 'scheme' || rule === 'credentials';
    throw malformed
      ? new Problem('validation-failed', { detail, errors: [{ pointer, detail }] })
      : forbidden(detail, pointer);
  }

  /**
   * Looks the name up: better refused now than at every delivery. A name that does not resolve yet is fine, it is judged
   * again whenever it is called. Not inside a control change, since other changes would wait.
   *
   * @throws Problem hook-address-forbidden
   */
  async refuseForbidden(url: string, pointer: string): Promise<void> {
    const check = await this.client.check(url);
    if (check.kind !== 'refused') return;
    throw forbidden(check.detail, pointer);
  }
}

function forbidden(detail: string, pointer: string): Problem {
  return new Problem('hook-address-forbidden', { detail, errors: [{ pointer, detail }] });
}
