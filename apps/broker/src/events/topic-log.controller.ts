import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { formatTopicCursor, TopicLog, type TopicRef } from '@hookcast/log';
import type { Response } from 'express';
import { callerNamespace } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { parseDuration } from '../http/duration.js';
import { existingName } from '../http/names.js';
import { defaultLimit } from '../http/page.js';
import { TopicDirectory } from '../topics/topic-directory.js';
import { eventJson } from './event-json.js';
import { streamEvents } from './event-stream.js';
import { EventPage, ReadQuery, StreamQuery } from './event.dto.js';
import { topicNotFound } from './events.service.js';
import { OpenReaders } from './open-readers.js';
import { topicStart } from './topic-start.js';

const existing = existingName('topic-not-found');

@ApiTags('events')
@ApiBearerAuth()
@Controller('v1/topics/:topic')
export class TopicLogController {
  constructor(
    private readonly directory: TopicDirectory,
    private readonly log: TopicLog,
    private readonly readers: OpenReaders,
  ) {}

  @Get('events')
  @RequireScope('read')
  @ApiOperation({ summary: 'Read the log of a topic, waiting for new events if asked to' })
  @ApiOkResponse({ type: EventPage })
  async read(
    @Param('topic', existing) name: string,
    @Query() query: ReadQuery,
    @Res() response: Response,
  ): Promise<void> {
    const topic = await this.find(name);
    const { after, cursor: afterPage, from } = query;
    const place = after === undefined ? ({ after: afterPage, pointer: '/cursor' } as const) : { after };
    const start = topicStart(topic, { ...place, from });
    const cursor = await this.log.begin(topic, start);
    const waitMs = response.req.method === 'HEAD' ? 0 : (parseDuration(query.wait ?? '0') ?? 0);
    const signal = waitMs > 0 ? this.readers.admit(response) : AbortSignal.abort();
    const page = await this.log.poll(topic, cursor, { events: query.limit ?? defaultLimit, waitMs, signal });
    // Data is written as it was published, so the body is put together as text.
    const items = page.events.map((event) => eventJson(event)).join(',');
    // The log has no last page for who follows it by `after` or waits. Who pages by `cursor` is told when there is no more.
    const isEnd = page.events.length === 0 && query.cursor !== undefined && query.wait === undefined;
    const nextCursor = JSON.stringify(isEnd ? null : formatTopicCursor(topic, page.next));
    response.type('application/json').send(`{"items":[${items}],"nextCursor":${nextCursor}}`);
  }

  @Get('stream')
  @RequireScope('read')
  @ApiOperation({ summary: 'Follow a topic as Server-Sent Events' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Continue after this event.' })
  @ApiProduces('text/event-stream')
  async stream(
    @Param('topic', existing) name: string,
    @Query() query: StreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const topic = await this.find(name);
    const { after, from } = query;
    // A client that reconnects repeats its address, but goes on where it was.
    const start = topicStart(
      topic,
      lastEventId ? { after: lastEventId, from: undefined, pointer: '/last-event-id' } : { after, from },
    );
    const cursor = await this.log.begin(topic, start);
    await streamEvents(response, this.log, { topic, cursor, signal: this.readers.admit(response) });
  }

  private async find(name: string): Promise<TopicRef> {
    const topic = await this.directory.find({ namespace: callerNamespace(), name });
    if (!topic) throw topicNotFound(name);
    return topic;
  }
}
