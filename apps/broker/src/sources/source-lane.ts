import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { hookHeaders, hopCountOf, uuidv7 } from '@hookcast/protocol';
import type { RawRequest } from '@hookcast/sources';
import type { Logger } from 'pino';
import { reportProblem, toProblem } from '../http/problem.filter.js';
import { chooseRequestId, requestIdHeader, requestIdOf } from '../http/request-id.js';
import { unredacted } from '../logging.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SourceAftermath } from './source-aftermath.js';
import { readSourceBody } from './source-body.js';
import { SourceDirectory, type Found, type OpenSource } from './source-directory.js';
import { failure, notHere, refusal, type Outcome } from './source-outcome.js';
import { SourcePipeline, StoreUnavailable } from './source-pipeline.js';
import type { Reception } from './source-records-store.js';

const prefix = '/in/';
const path = /^\/in\/([a-z0-9][a-z0-9._-]{0,127})\/([A-Za-z0-9_-]{1,128})(?:\?|$)/;

type FoundSource = Extract<Found, { kind: 'found' }>;

/** One request on its way through the lane. */
interface Visit {
  readonly id: string;
  readonly at: Date;
  readonly began: number;
  found: Found;
  raw: RawRequest | undefined;
}

/**
 * `/in/{name}/{token}`, any method: the raw bytes for the sender's style, and the answer exactly as it wants it. Past
 * Express and Nest, like publishing: no parser may touch the body, and no middleware may add to the answer or log the URL.
 */
@Injectable()
export class SourceLane {
  /** Of fields that are chosen one by one: nothing has to be looked for in them. */
  private readonly lines: Logger;

  constructor(
    private readonly directory: SourceDirectory,
    private readonly pipeline: SourcePipeline,
    private readonly aftermath: SourceAftermath,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {
    this.lines = unredacted(runtime.log);
  }

  /** True when the address is a source's, or looks like it: such a one is answered here. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.url?.startsWith(prefix) !== true) return false;
    response.setHeader(requestIdHeader, chooseRequestId(request.headers[requestIdHeader]));
    void this.answer(request, response);
    return true;
  }

  /** Never rejects: every outcome is an answer. */
  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = this.runtime.clock.now();
    const visit: Visit = {
      id: uuidv7(at.getTime()),
      at,
      began: performance.now(),
      found: { kind: 'unknown' },
      raw: undefined,
    };
    const outcome = await this.outcomeOf(visit, request, response);
    send(response, outcome);
    this.report(visit, request, response, outcome);
    if (visit.found.kind === 'found') this.aftermath.settle(visit, visit.found, outcome);
  }

  private async outcomeOf(visit: Visit, request: IncomingMessage, response: ServerResponse): Promise<Outcome> {
    try {
      return await this.visit(visit, request);
    } catch (error) {
      if (error instanceof StoreUnavailable) return failure(error.message);
      const problem = toProblem(error);
      const name = visit.found.kind === 'unknown' ? 'unknown' : visit.found.source.row.name;
      const where = { requestId: requestIdOf(response), method: request.method, path: `/in/${name}` };
      reportProblem(this.runtime.log, problem, where);
      return failure(problem.code);
    }
  }

  private async visit(visit: Visit, request: IncomingMessage): Promise<Outcome> {
    const match = path.exec(request.url ?? '');
    if (!match) return notHere('unknown-source');
    const [, name = '', token = ''] = match;
    visit.found = await this.directory.find(name, token, visit.at);
    if (asksForIntent(visit.found, request)) visit.found = await this.directory.findAgain(name, token, visit.at);
    if (visit.found.kind === 'unknown') return notHere('unknown-source');
    if (visit.found.kind === 'wrong-token') return notHere('wrong-token');
    if (!visit.found.source.row.enabled) return notHere('disabled');
    return this.receive(visit, visit.found, request);
  }

  private async receive(visit: Visit, { source, entry }: FoundSource, request: IncomingMessage): Promise<Outcome> {
    const hops = hopsOf(request);
    if (hops > this.runtime.config.maxHops) return refusal({ status: 400, reason: 'too-many-hops' });
    const { maxSourceBytes, maxQueuedBytes } = this.runtime.config;
    const read = await readSourceBody(request, Math.min(maxSourceBytes, maxQueuedBytes - appendOverhead));
    if (read.kind === 'refused') return refusal(read);
    visit.raw = toRaw(request, read.body);
    return this.pipeline.take(source, entry, visit.raw, { at: visit.at, hops });
  }

  private report(visit: Visit, request: IncomingMessage, response: ServerResponse, outcome: Outcome): void {
    const durationMs = Math.round((performance.now() - visit.began) * 10) / 10;
    const bytes = visit.raw?.body.length ?? 0;
    const source = visit.found.kind === 'unknown' ? undefined : visit.found.source;
    if (source) this.aftermath.record(toReception(visit, source, { request, outcome, bytes, durationMs }));
    if (!this.lines.isLevelEnabled('info')) return;
    this.lines.info(
      {
        requestId: requestIdOf(response),
        receptionId: visit.id,
        source: source?.row.name,
        sender: source?.row.sender,
        method: request.method,
        verdict: outcome.verdict,
        reason: outcome.reason,
        status: outcome.answer.status,
        deliveryId: outcome.deliveryId?.slice(0, longestShown),
        eventType: outcome.eventType?.slice(0, longestShown),
        events: outcome.eventIds.length,
        firstId: outcome.eventIds[0],
        bytes,
        durationMs,
      },
      'source.received',
    );
  }
}

/** A hub may ask before this process has heard that another one subscribed. */
function asksForIntent(found: Found, { method }: IncomingMessage): boolean {
  return method === 'GET' && found.kind === 'found' && found.source.row.sender === 'websub';
}

/** A subscription may point to a source, of this broker or of another that delivers to this one. */
const hopsOf = ({ headers }: IncomingMessage): number => hopCountOf(headers[hookHeaders.hops]) ?? 0;

/** What an event counts for in the log's queue besides its data. */
const appendOverhead = 1024;
const longestShown = 256;
const plain = /^[\x20-\x7e]*$/;
/** Ids of a reception that are kept; only very large batches have more. */
const keptIds = 500;

function toReception(
  visit: Visit,
  { row }: OpenSource,
  {
    request,
    outcome,
    bytes,
    durationMs,
  }: { request: IncomingMessage; outcome: Outcome; bytes: number; durationMs: number },
): Reception {
  return {
    sourceId: row.id,
    id: visit.id,
    at: visit.at,
    verdict: outcome.verdict,
    reason: outcome.reason ?? null,
    status: outcome.answer.status,
    bytes,
    durationMs,
    method: request.method ?? '',
    deliveryId: shown(outcome.deliveryId),
    eventType: shown(outcome.eventType),
    events: outcome.eventIds.length,
    eventIds: outcome.eventIds.slice(0, keptIds),
  };
}

/** Senders choose these texts; the database takes neither NUL nor halves of surrogate pairs. */
function shown(text: string | undefined): string | null {
  if (text === undefined) return null;
  const start = text.slice(0, longestShown);
  return plain.test(start) ? start : start.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\uFFFD');
}

function toRaw(request: IncomingMessage, body: Buffer): RawRequest {
  const headers: [string, string][] = [];
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  return { method: request.method ?? '', url: request.url ?? '', headers, body };
}

function send(response: ServerResponse, { answer }: Outcome): void {
  if (response.destroyed) return;
  const { status, headers, body } = answer;
  const own = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length, ...own });
  response.end(response.req.method === 'HEAD' || body === '' ? undefined : body);
}
