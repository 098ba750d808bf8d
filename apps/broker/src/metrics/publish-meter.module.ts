import { Module } from '@nestjs/common';
import { PublishMeter } from './publish-meter.js';

@Module({ providers: [PublishMeter], exports: [PublishMeter] })
export class PublishMeterModule {}
