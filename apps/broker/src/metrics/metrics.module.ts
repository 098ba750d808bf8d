import { Module } from '@nestjs/common';
import { DeliveryWorkerModule } from '../delivery/delivery-worker.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { BusMetrics } from './bus-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsService } from './metrics.service.js';
import { ProcessMetrics } from './process-metrics.js';
import { PublishMeterModule } from './publish-meter.module.js';

@Module({
  imports: [DeliveryWorkerModule, StorageModule, PublishMeterModule],
  controllers: [MetricsController],
  providers: [MetricsService, BusMetrics, ProcessMetrics],
})
export class MetricsModule {}
