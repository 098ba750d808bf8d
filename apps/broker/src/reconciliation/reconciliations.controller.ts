import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { callerNamespace } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { encodeCursor } from '../http/cursor.js';
import { cursorKey } from '../http/page.js';
import { Reconciler } from './reconciler.js';
import { ReconcileRequest, ReconcileResponse } from './reconciliation.dto.js';
import { ReconciliationLoop } from './reconciliation-loop.js';

const defaultEvents = 2_000;

@ApiTags('overview')
@ApiBearerAuth()
@Controller('v1/reconciliations')
export class ReconciliationsController {
  constructor(
    private readonly reconciler: Reconciler,
    private readonly loop: ReconciliationLoop,
  ) {}

  @Post()
  @HttpCode(200)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Prove, step by step, that every accepted event is accounted for; changes nothing' })
  @ApiOkResponse({ type: ReconcileResponse })
  async reconcile(@Body() { limit = defaultEvents, cursor }: ReconcileRequest): Promise<ReconcileResponse> {
    const [streamId, seq] = cursorKey(cursor, ['int', 'bigint']) ?? [];
    const place = cursor === undefined ? undefined : { streamId: Number(streamId), seq: Number(seq) };
    const found = await this.reconciler.step(place, { limit, namespace: callerNamespace() });
    const { events, deliveries, unchecked, violations, next } = found;
    this.loop.count(
      Object.values(deliveries).reduce((sum, count) => sum + count, 0),
      violations,
    );
    const nextCursor = next ? encodeCursor([next.streamId, next.seq]) : null;
    return { events, deliveries, unchecked, violations, nextCursor };
  }
}
