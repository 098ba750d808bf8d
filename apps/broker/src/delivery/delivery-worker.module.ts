import { Module } from '@nestjs/common';
import { DeliveryWorker } from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import type pg from 'pg';
import { ControlModule } from '../control/control.module.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { SecretsModule } from '../subscriptions/secrets.module.js';
import { version } from '../version.js';
import { DeliveryModule } from './delivery.module.js';
import { DeliveryWorkerHost } from './delivery-worker-host.js';
import { StoredSubscriptions } from './stored-subscriptions.js';

@Module({
  imports: [ControlModule, DeliveryModule, EventLogModule, SecretsModule],
  providers: [
    StoredSubscriptions,
    DeliveryWorkerHost,
    {
      provide: DeliveryWorker,
      inject: [DATA_POOL, HookClient, StoredSubscriptions, RUNTIME],
      useFactory: createWorker,
    },
  ],
})
export class DeliveryWorkerModule {}

function createWorker(
  pool: pg.Pool,
  client: HookClient,
  catalog: StoredSubscriptions,
  { config, log }: Runtime,
): DeliveryWorker {
  return new DeliveryWorker({
    pool,
    client,
    catalog,
    attemptLog: config.attemptLog,
    slots: config.deliverySlots,
    userAgent: `Hookcast/${version}`,
    log: {
      info: (event, fields) => log.info(fields, event),
      warn: (event, fields) => log.warn(fields, event),
    },
  });
}
