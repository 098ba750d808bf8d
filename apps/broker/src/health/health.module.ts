import { Module } from '@nestjs/common';
import { StorageModule } from '../storage/storage.module.js';
import { HealthController } from './health.controller.js';
import { ClockCheck } from './clock-check.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [StorageModule],
  controllers: [HealthController],
  providers: [ClockCheck, Readiness],
  exports: [Readiness],
})
export class HealthModule {}
