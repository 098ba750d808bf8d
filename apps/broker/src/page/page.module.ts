import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { DeadLettersModule } from '../dead-letters/dead-letters.module.js';
import { HealthModule } from '../health/health.module.js';
import { OverviewModule } from '../overview/overview.module.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { TopicsModule } from '../topics/topics.module.js';
import { DashboardReader } from './dashboard-reader.js';
import { PageController } from './page.controller.js';
import { SessionController } from './session.controller.js';

@Module({
  imports: [AuthModule, DeadLettersModule, HealthModule, OverviewModule, SubscriptionsModule, TopicsModule],
  controllers: [PageController, SessionController],
  providers: [DashboardReader],
})
export class PageModule {}
