import { Injectable } from '@nestjs/common';
import { parseTimestamp } from '@hookcast/protocol';
import { asBroker, callerNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { listEntries, type AuditFilter } from './audit-store.js';
import { toAuditResponse, type AuditEntryResponse, type AuditQuery } from './audit.dto.js';
import { Refusals } from './refusals.js';

@Injectable()
export class AuditService {
  constructor(
    private readonly control: ControlPlane,
    private readonly refusals: Refusals,
  ) {}

  async list(query: AuditQuery): Promise<Page<AuditEntryResponse>> {
    const { limit = defaultLimit } = query;
    const filter = { ...filterOf(query), namespace: callerNamespace(), limit: limit + 1 };
    // What this process has collected belongs into the answer too.
    await asBroker(() => this.refusals.runOnce());
    const page = pageOf(await listEntries(this.control.manager, filter), limit, ({ id }) => [id]);
    return { items: page.items.map(toAuditResponse), nextCursor: page.nextCursor };
  }
}

function filterOf({ actor, action, target, from, to, cursor }: AuditQuery): Omit<AuditFilter, 'namespace' | 'limit'> {
  const [before] = cursorKey(cursor, ['bigint'])?.map(Number) ?? [];
  const [fromTime, toTime] = [from, to].map((text) => (text === undefined ? undefined : parseTimestamp(text)));
  return {
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action }),
    ...(target !== undefined && { target }),
    ...(fromTime && { from: fromTime }),
    ...(toTime && { to: toTime }),
    ...(before !== undefined && { before }),
  };
}
