import { Module } from '@nestjs/common';
import { HealthModule } from '../health/health.module.js';
import { PageController } from './page.controller.js';

@Module({ imports: [HealthModule], controllers: [PageController] })
export class PageModule {}
