import { Module } from '@nestjs/common';
import { ControlModule } from '../control/control.module.js';
import { EventLogModule } from '../event-log/event-log.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { TopicsModule } from '../topics/topics.module.js';
import { Announcer } from './announcer.js';
import { BacklogWatch } from './backlog-watch.js';

/** Operational events: what the broker itself has to tell. */
@Module({
  imports: [ControlModule, EventLogModule, StorageModule, TopicsModule],
  providers: [Announcer, BacklogWatch],
})
export class AnnouncementsModule {}
