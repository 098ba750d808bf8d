import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { AuthModule } from '../auth/auth.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { PublishMeterModule } from '../metrics/publish-meter.module.js';
import { SchemasModule } from '../schemas/schemas.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { TopicsModule } from '../topics/topics.module.js';
import { EventDeliveries } from './event-deliveries.js';
import { EventController } from './event.controller.js';
import { EventsService } from './events.service.js';
import { OpenReaders } from './open-readers.js';
import { PublishController } from './publish.controller.js';
import { PublishLane } from './publish-lane.js';
import { TopicLogController } from './topic-log.controller.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Subscription]),
    AuthModule,
    EventLogModule,
    StorageModule,
    PublishMeterModule,
    TopicsModule,
    SchemasModule,
    DeliveriesModule,
  ],
  controllers: [PublishController, TopicLogController, EventController],
  providers: [EventsService, EventDeliveries, OpenReaders, PublishLane],
  exports: [EventsService, OpenReaders],
})
export class EventsModule {}
