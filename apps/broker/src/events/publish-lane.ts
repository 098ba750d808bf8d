import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { PublishAccess } from '../auth/publish-access.js';
import { readBody } from '../http/body.js';
import { Problem } from '../http/problem.js';
import { reportProblem, toProblem } from '../http/problem.filter.js';
import { chooseRequestId, requestIdHeader, requestIdOf } from '../http/request-id.js';
import { sendProblem } from '../http/send-problem.js';
import { PublishMeter } from '../metrics/publish-meter.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import type { SchemaViolation } from '../schemas/event-schema.js';
import { EventsService, type Appended } from './events.service.js';
import { maxBodyBytes, readPublish, type PublishReading } from './publish-reading.js';

/** Of an answer to a publish: events that were stored although they are not as their topic's schema says. */
const schemaWarningHeader = 'hookcast-schema-warning';

const path = /^\/v1\/topics\/([a-z0-9._-]+)\/events(?:\?(.*))?$/;

/**
 * `POST /v1/topics/{topic}/events`, without Express and Nest in between: per request they cost more than all of the
 * publishing itself. Whatever the lane does not take (an encoded or trailing-slash path) goes through the router to
 * the same `answer`.
 */
@Injectable()
export class PublishLane {
  constructor(
    private readonly access: PublishAccess,
    private readonly events: EventsService,
    private readonly meter: PublishMeter,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** True when the request is a publish, and therefore answered here. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'POST') return false;
    const match = path.exec(request.url ?? '');
    if (!match) return false;
    response.setHeader(requestIdHeader, chooseRequestId(request.headers[requestIdHeader]));
    void this.answer(request, response, { topic: match[1] ?? '', query: match[2] ?? '' });
    return true;
  }

  /** Never rejects: every outcome is an answer. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: { topic: string; query: string },
  ): Promise<void> {
    const began = performance.now();
    try {
      const admission = this.access.admit({ request, response }, target.topic);
      const { namespace } = admission instanceof Promise ? await admission : admission;
      const body = await readBody(request, maxBodyBytes(request.headers['content-type'], this.runtime.config));
      const query = new URLSearchParams(target.query);
      const reading = readPublish(
        { topic: target.topic, headers: request.headers, query, body },
        this.runtime.config,
        this.runtime.clock.now(),
      );
      const name = { namespace, name: target.topic };
      const { appended, violations } = await this.events.publish(name, reading);
      if (violations.length > 0) warn(response, violations);
      sendAppended(response, target.topic, reading, appended);
      this.report(response, target.topic, appended, { bytes: body.length, began });
    } catch (error) {
      const problem = toProblem(error);
      this.meter.refused(problem.code);
      const { method } = request;
      reportProblem(this.runtime.log, problem, {
        requestId: requestIdOf(response),
        method,
        path: `/v1/topics/${target.topic}/events`,
      });
      sendProblem(response, problem);
    }
  }

  private report(
    response: ServerResponse,
    topic: string,
    appended: Appended,
    { bytes, began }: { bytes: number; began: number },
  ): void {
    const durationMs = performance.now() - began;
    const duplicates = appended.reduce((count, { duplicate }) => count + Number(duplicate), 0);
    this.meter.stored({ events: appended.length, duplicates, durationMs });
    if (!this.runtime.log.isLevelEnabled('info')) return;
    const [first] = appended;
    this.runtime.log.info(
      {
        requestId: requestIdOf(response),
        topic,
        events: appended.length,
        firstId: first?.id,
        firstPosition: first?.position,
        duplicates,
        bytes,
        durationMs: Math.round(durationMs * 10) / 10,
      },
      'event.published',
    );
  }
}

/** For a developer who looks; the log has it for ops. Any text may stand in a schema, so what is no plain ASCII is escaped. */
function warn(response: ServerResponse, violations: readonly SchemaViolation[]): void {
  const [first] = violations;
  const text = `${violations.length} not as the schema says; first: event ${first?.id} /data${first?.pointer} ${first?.detail}`;
  response.setHeader(schemaWarningHeader, text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 512));
}

function sendAppended(response: ServerResponse, topic: string, reading: PublishReading, appended: Appended): void {
  const receipts = appended.map(({ id, position, duplicate }) => ({ id, topic, position, duplicate }));
  const [single] = receipts;
  if (!single) throw new Problem('internal-error', { detail: 'The log took no event.' });
  const body = Buffer.from(JSON.stringify(reading.form === 'batch' ? { events: receipts } : single));
  response.writeHead(201, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
