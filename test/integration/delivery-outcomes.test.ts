import type { DeliveryWorker } from '@hookcast/delivery';
import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { rawHook, type RawHook } from '../support/raw-hook.js';
import { setup, type DeliverySetup } from './delivery-setup.js';

/*
 * The table "answer | meaning" of the HTTP contract, row by row: the bytes that a hook puts on the wire, and what becomes
 * of the one event that was sent to it.
 */
type Answer = string | Buffer | ((socket: Socket) => void);

let run: DeliverySetup;
let worker: DeliveryWorker;
let hook: RawHook | undefined;
beforeAll(async () => {
  run = await setup();
  worker = run.worker();
});
afterEach(async () => hook?.close());
afterAll(async () => run.close());

const crlf = '\r\n\r\n';
const status = (code: number, ...headers: string[]) =>
  [`HTTP/1.1 ${code} Whatever`, ...headers, 'content-length: 0'].join('\r\n') + crlf;
const verdict = (name: string, code = 200, ...more: string[]) => status(code, `hookcast-verdict: ${name}`, ...more);

/** Bytes until the connection ends: more than anybody reads. */
function flood(socket: Socket, head: string, chunk: Buffer): void {
  socket.write(head);
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

function drip(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\n`);
  const timer = setInterval(() => socket.write('a: b\r\n'), 20);
  socket.on('close', () => clearInterval(timer));
}

let rows = 0;
/** One event sent once to a hook of its own. */
async function attempt(answer: Answer, more: Partial<Parameters<DeliverySetup['subscribe']>[1]> = {}) {
  rows += 1;
  const name = `row.${rows}`;
  hook = await rawHook({
    onRequest: (socket) => {
      if (typeof answer === 'function') answer(socket);
      else socket.write(answer);
    },
  });
  await run.topic(name, 1);
  const { id } = await run.subscribe(name, {
    topics: [name],
    url: `${hook.url}/hook`,
    timeoutMs: 300,
    retry: { schedule: [5, 5], jitter: 0 },
    ...more,
  });
  await run.publish(name, [{ id: `${name}.event` }]);
  const began = run.clock.now();
  const counts = await worker.runOnce();
  const [retry] = await run.rows<{ next_at: Date; last_error: string }>(
    'select next_at, last_error from retries where subscription_id = $1',
    [id],
  );
  const [dead] = await run.rows<{ reason: string }>('select reason from dead_letters where subscription_id = $1', [id]);
  const [cursor] = await run.rows<{ park_reason: string | null; parked_until: Date | null }>(
    'select park_reason, parked_until from cursors where subscription_id = $1',
    [id],
  );
  const [subscription] = await run.rows<{ state: string; state_reason: string | null }>(
    'select state, state_reason from subscriptions where id = $1',
    [id],
  );
  return {
    delivered: counts.delivered,
    dropped: counts.dropped,
    retryIn: retry && Math.round((retry.next_at.getTime() - began) / 1000),
    error: retry?.last_error.split(':')[0],
    dead: dead?.reason,
    pausedFor: cursor?.parked_until ? Math.round((cursor.parked_until.getTime() - began) / 1000) : undefined,
    state: subscription?.state,
    stateReason: subscription?.state_reason,
  };
}

const delivered = { delivered: 1, retryIn: undefined, dead: undefined, state: 'active' };
const retried = { delivered: 0, retryIn: 5, pausedFor: undefined, dead: undefined, state: 'active' };

describe('a success', () => {
  test.each<[string, Answer]>([
    ['200', status(200)],
    ['202', status(202)],
    ['204', `HTTP/1.1 204 No Content${crlf}`],
    ['299', status(299)],
    ['a body cut short after 200', (socket) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 99${crlf}abc`)],
    [
      'a reset in the middle of the body of 200',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 99${crlf}abc`, () => socket.resetAndDestroy()),
    ],
    ['a body that never ends', (socket) => flood(socket, `HTTP/1.1 200 OK${crlf}`, Buffer.alloc(65_536, 'x'))],
    [
      'a gzip bomb',
      (socket) => {
        const bomb = gzipSync(Buffer.alloc(50 * 1_048_576));
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}${crlf}`);
        socket.write(bomb);
      },
    ],
    ['the verdict ok under a 500', verdict('ok', 500)],
    ['an unknown verdict under a 200', verdict('perhaps')],
  ])('%s', async (_name, answer) => expect(await attempt(answer)).toMatchObject(delivered));
});

describe('a retry on the schedule', () => {
  test.each<[string, Answer, string]>([
    ...[301, 302, 307, 308, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 599].map(
      (code): [string, Answer, string] => [String(code), status(code, 'location: /elsewhere'), 'status'],
    ),
    ['no answer', () => undefined, 'timeout'],
    ['a head that drips', drip, 'timeout'],
    ['a reset', (socket) => void socket.resetAndDestroy(), 'reset'],
    ['an end without an answer', (socket) => void socket.end(), 'reset'],
    ['the verdict retry under a 200', verdict('retry'), 'verdict'],
    ['the verdict retry under a 410', verdict('retry', 410), 'verdict'],
    ['an unknown verdict under a 500', verdict('perhaps', 500), 'status'],
  ])('%s', async (_name, answer, error) => expect(await attempt(answer)).toMatchObject({ ...retried, error }));

  test('of a redirect nothing follows', async () => {
    expect(await attempt(status(302, 'location: /elsewhere'))).toMatchObject(retried);
    expect(hook?.requests).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  const inSeconds = (seconds: number) => new Date(run.clock.now() + seconds * 1000).toUTCString();
  test.each<[string, () => string, number]>([
    ['seconds', () => '60', 60],
    ['a date', () => inSeconds(600), 600],
    ['more than a day, in seconds', () => '99999999', 86_400],
    ['more than a day, as a date', () => inSeconds(10 * 86_400), 86_400],
  ])('of %s pauses the endpoint under 429 and 503', async (_name, header, seconds) => {
    for (const code of [429, 503]) {
      const shown = await attempt(status(code, `retry-after: ${header()}`));
      expect(shown).toMatchObject({ delivered: 0, state: 'active', dead: undefined });
      // A date has whole seconds.
      expect(Math.abs((shown.pausedFor ?? 0) - seconds)).toBeLessThanOrEqual(1);
    }
  });

  test.each(['soon', '-5', '1.5', 'Tue, 99 Foo 2026 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', '0'])(
    '%s is ignored',
    async (header) => expect(await attempt(status(503, `retry-after: ${header}`))).toMatchObject(retried),
  );

  test('beside the verdict retry speaks of the event alone', async () => {
    const shown = await attempt(verdict('retry', 200, 'retry-after: 60'));
    expect(shown).toMatchObject({ ...retried, retryIn: 60 });
  });
});

describe('given up', () => {
  test.each<[string, Answer, string]>([
    ['a status of nonRetryable', status(422), 'non-retryable'],
    ['the verdict dead-letter under a 200', verdict('dead-letter'), 'verdict'],
    ['the verdict dead-letter under a 503', verdict('dead-letter', 503), 'verdict'],
  ])('%s', async (_name, answer, dead) =>
    expect(await attempt(answer, { nonRetryable: [422] })).toMatchObject({ delivered: 0, dead, retryIn: undefined }),
  );

  test('the last failure of the schedule', async () =>
    expect(await attempt(status(500), { retry: { schedule: [], jitter: 0 } })).toMatchObject({ dead: 'exhausted' }));
});

test.each([verdict('drop'), verdict('drop', 500)])('the verdict drop settles without success', async (answer) =>
  expect(await attempt(answer)).toMatchObject({ delivered: 0, dropped: 1, dead: undefined, retryIn: undefined }),
);

test('410 suspends the subscription, and its event waits', async () =>
  expect(await attempt(status(410))).toMatchObject({
    delivered: 0,
    dead: undefined,
    state: 'suspended',
    stateReason: 'gone',
  }));
