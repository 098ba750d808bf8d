import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { LiveController } from './live.controller.js';
import { LiveFeed } from './live-feed.js';

@Module({ imports: [EventsModule], controllers: [LiveController], providers: [LiveFeed] })
export class LiveModule {}
