import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { liveChanges, type LiveChange, type LiveSample } from './live-changes.js';
import { liveSample } from './live-store.js';

const lookMs = 1_000;
/** Workers write their counts every ten seconds, and those of a minute that has ended once more. */
const statsMs = 180_000;

/** Tells a reader what changes in a namespace, by looking again and again: what other processes do shows too. */
@Injectable()
export class LiveFeed {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** Until the signal aborts. */
  async stream(response: ServerResponse, namespace: string, signal: AbortSignal): Promise<void> {
    let before = await this.look(namespace);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // HEAD takes the same route, but has no body that could go on.
    if (response.req.method === 'HEAD') return void response.end();
    response.write(': open\n\n');
    while (await waited(signal)) {
      const after = await this.lookAgain(namespace);
      if (!after) continue;
      if (!(await send(response, framesOf(liveChanges(before, after)), signal))) break;
      before = after;
    }
    response.end();
  }

  /** The database may be away for a while; what happened meanwhile shows when it is back. */
  private async lookAgain(namespace: string): Promise<LiveSample | undefined> {
    try {
      return await this.look(namespace);
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'live.look-failed');
      return undefined;
    }
  }

  private async look(namespace: string): Promise<LiveSample> {
    return liveSample(this.pool, namespace, new Date(this.runtime.clock.now().getTime() - statsMs));
  }
}

/** False once the reader is gone. */
async function waited(signal: AbortSignal): Promise<boolean> {
  return pause(lookMs, true, { signal, ref: false }).catch(() => false);
}

/** A comment where nothing happened, since proxies cut connections that stay silent. */
function framesOf(changes: readonly LiveChange[]): string {
  if (changes.length === 0) return ': nothing\n\n';
  return changes.map(({ kind, ...data }) => `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`).join('');
}

/** Waits for a slow client instead of buffering for it. False once it is gone. */
async function send(response: ServerResponse, text: string, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  if (response.write(text)) return true;
  return once(response, 'drain', { signal }).then(
    () => true,
    () => false,
  );
}
