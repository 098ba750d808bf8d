import { Module } from '@nestjs/common';
import { DeliveryModule, DeliveryWorker, type DeliveryModuleOptions } from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import type pg from 'pg';
import { ControlModule } from '../control/control.module.js';
import { ControlPlane } from '../control/control-plane.js';
import { AppendHints } from '../event-log/append-hints.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { unredacted } from '../logging.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';
import { CatalogModule } from './catalog.module.js';
import { HooksModule } from './hooks.module.js';
import { StoredSubscriptions } from './stored-subscriptions.js';

/** The delivery worker, told at once of what this process appends and configures. In an `api` process it owns nothing. */
@Module({
  imports: [
    ControlModule,
    EventLogModule,
    DeliveryModule.forRootAsync({
      imports: [HooksModule, CatalogModule],
      inject: [DATA_POOL, HookClient, StoredSubscriptions, RUNTIME],
      useFactory: workerOptions,
    }),
  ],
  exports: [DeliveryModule],
})
export class DeliveryWorkerModule {
  constructor(worker: DeliveryWorker, control: ControlPlane, hints: AppendHints) {
    // A reload that fails is made up for by the worker's own poll.
    control.onChange(() => void worker.reload().catch(() => {}));
    hints.onHeads((heads) => worker.wake(heads));
    hints.onFree(() => worker.lookForStreams());
  }
}

function workerOptions(
  pool: pg.Pool,
  client: HookClient,
  catalog: StoredSubscriptions,
  { config, log }: Runtime,
): DeliveryModuleOptions {
  const lines = unredacted(log);
  return {
    pool,
    client,
    catalog,
    userAgent,
    isWorker: config.role !== 'api',
    attemptLog: config.attemptLog,
    slots: config.deliverySlots,
    suspendAfterMs: config.suspendAfterHours * 3_600_000,
    log: {
      info: (event, fields) => lines.info(fields, event),
      warn: (event, fields) => lines.warn(fields, event),
    },
  };
}
