import {
  Inject,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { silentLog, errorText, type DeliveryLog } from './delivery-log.js';
import { DeliveryJanitor } from './delivery-janitor.js';
import { OperationRunner } from './operations/operation-runner.js';
import { DeliveryWorker } from './delivery-worker.js';
import type { DeliveryWorkerOptions } from './delivery-worker-options.js';

export interface DeliveryModuleOptions extends DeliveryWorkerOptions {
  /** False for a process that only serves the API: the worker exists but owns nothing. @default true */
  isWorker?: boolean;
}

export interface DeliveryModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: FactoryProvider['inject'];
  useFactory: (...injected: never[]) => DeliveryModuleOptions | Promise<DeliveryModuleOptions>;
}

const dayMs = 86_400_000;
const optionsToken = Symbol('DeliveryModuleOptions');

/** Starts the worker with the application and lets it finish what is under way before the application ends. */
@Injectable()
export class DeliveryLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly isWorker: boolean;

  constructor(
    private readonly worker: DeliveryWorker,
    private readonly operations: OperationRunner,
    @Inject(optionsToken) options: DeliveryModuleOptions,
  ) {
    this.isWorker = options.isWorker ?? true;
  }

  onApplicationBootstrap(): void {
    if (!this.isWorker) return;
    this.worker.start();
    this.operations.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.isWorker) await Promise.all([this.worker.stop(), this.operations.stop()]);
  }
}

/** Sweeps up once an hour, at a minute that is not everybody's. */
@Injectable()
export class DeliveryHousekeeping {
  private readonly janitor: DeliveryJanitor;
  private readonly log: DeliveryLog;

  constructor(@Inject(optionsToken) options: DeliveryModuleOptions) {
    const { pool, suspendAfterMs = 0 } = options;
    // By the minutes it is known since when a hook fails.
    this.janitor = new DeliveryJanitor({ pool, keepStatsDays: Math.max(7, Math.ceil(suspendAfterMs / dayMs) + 1) });
    this.log = options.log ?? silentLog;
  }

  @Cron('23 * * * *')
  async sweep(): Promise<void> {
    try {
      this.log.info('delivery.swept', await this.janitor.runOnce());
    } catch (error) {
      this.log.warn('delivery.sweep-failed', { error: errorText(error) });
    }
  }
}

/** The delivery worker as a part of a Nest application: import it once, inject {@link DeliveryWorker} where it is needed. */
@Module({})
export class DeliveryModule {
  static forRootAsync({ imports = [], inject = [], useFactory }: DeliveryModuleAsyncOptions): DynamicModule {
    return {
      module: DeliveryModule,
      imports: [...imports, ScheduleModule.forRoot()],
      providers: [
        { provide: optionsToken, inject, useFactory },
        {
          provide: DeliveryWorker,
          inject: [optionsToken],
          useFactory: (options: DeliveryModuleOptions) => new DeliveryWorker(options),
        },
        {
          provide: OperationRunner,
          inject: [optionsToken],
          useFactory: ({ pool, log = silentLog }: DeliveryModuleOptions) => new OperationRunner({ pool, log }),
        },
        DeliveryLifecycle,
        DeliveryHousekeeping,
      ],
      exports: [DeliveryWorker],
    };
  }
}
