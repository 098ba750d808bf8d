import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Topic } from '@hookcast/database';
import { EventLogModule } from '../event-log/event-log.module.js';
import { TopicsModule } from '../topics/topics.module.js';
import { FilterTrialController } from './filter-trial.controller.js';
import { FilterTrial } from './filter-trial.js';
import { SubscriptionsModule } from './subscriptions.module.js';

@Module({
  imports: [TypeOrmModule.forFeature([Topic]), EventLogModule, TopicsModule, SubscriptionsModule],
  controllers: [FilterTrialController],
  providers: [FilterTrial],
})
export class FilterTrialModule {}
