import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { ClockCheck } from './clock-check.js';
import { Readiness } from './readiness.js';

@Module({ controllers: [HealthController], providers: [ClockCheck, Readiness], exports: [Readiness] })
export class HealthModule {}
