import { generateSecret } from '@hookcast/protocol';
import {
  createReceiver,
  DeadLetter,
  Drop,
  Retry,
  RetryAfter,
  type EventContext,
  type ReceiverOptions,
} from '@hookcast/receiver';
import { until } from '../support/until.js';
import { batchRequestOf, hookRequestOf, orderEvent } from './signed-delivery.js';

const secret = generateSecret();

function setup(options: ReceiverOptions) {
  const errors: unknown[] = [];
  const receiver = createReceiver({ secrets: [secret], onError: (error) => errors.push(error), ...options });
  const send = async (init: RequestInit) => receiver.fetch(new Request('http://service.test/hooks', init));
  return { send, errors };
}

const keyed = (id: string, key: string) => ({ ...orderEvent(id), extensions: { partitionkey: key } });

test.each([
  [new Retry(), { 'hookcast-verdict': 'retry' }],
  [new RetryAfter(30), { 'hookcast-verdict': 'retry', 'retry-after': '30' }],
  [new Drop(), { 'hookcast-verdict': 'drop' }],
  [new DeadLetter('no such customer'), { 'hookcast-verdict': 'dead-letter' }],
])('a handler that throws %s answers with its verdict, and no error is told', async (verdict, expected) => {
  const { send, errors } = setup({
    on: {
      'orders.*': () => {
        throw verdict;
      },
    },
  });
  const { headers } = await send(hookRequestOf(orderEvent('a'), { secret }));
  expect(Object.fromEntries(headers)).toEqual(expected);
  expect(errors).toEqual([]);
});

test('each event of a batch has the verdict of its own handler', async () => {
  const verdicts: Record<string, Error> = {
    e1: new Drop(),
    e2: new DeadLetter(),
    e3: new RetryAfter(20),
    e4: new Error(),
  };
  const { send, errors } = setup({
    on: {
      'orders.*': (_, { id }) => {
        if (verdicts[id] !== undefined) throw verdicts[id];
      },
    },
  });
  const events = ['e0', 'e1', 'e2', 'e3', 'e4'].map((id) => orderEvent(id));
  const response = await send(batchRequestOf(events, { secret }));
  expect(response.headers.get('retry-after')).toBe('20');
  expect(await response.json()).toEqual({
    results: [
      { id: 'e1', verdict: 'drop' },
      { id: 'e2', verdict: 'dead-letter' },
      { id: 'e3', verdict: 'retry' },
      { id: 'e4', verdict: 'retry' },
    ],
  });
  expect(errors).toEqual([verdicts['e4']]);
});

test('in a batch, what follows a failed event of its key is not handled and comes again', async () => {
  const seen: string[] = [];
  const { send } = setup({
    on: {
      'orders.*': (_, { id }) => {
        seen.push(id);
        if (id === 'a1') throw new Error('not now');
        if (id === 'b1') throw new DeadLetter();
      },
    },
  });
  const events = [
    keyed('a1', 'a'),
    keyed('b1', 'b'),
    keyed('a2', 'a'),
    keyed('b2', 'b'),
    orderEvent('c'),
    keyed('a3', 'a'),
  ];
  const response = await send(batchRequestOf(events, { secret }));
  // A dead letter is settled, so that its key goes on.
  expect(seen).toEqual(['a1', 'b1', 'b2', 'c']);
  expect(await response.json()).toEqual({
    results: [
      { id: 'a1', verdict: 'retry' },
      { id: 'b1', verdict: 'dead-letter' },
      { id: 'a2', verdict: 'retry' },
      { id: 'a3', verdict: 'retry' },
    ],
  });
});

describe('each event of a batch', () => {
  async function placesOf(headers: Record<string, string>) {
    const seen: Pick<EventContext, 'id' | 'position' | 'attempt'>[] = [];
    const { send } = setup({
      on: { 'orders.*': (_, { id, position, attempt }) => void seen.push({ id, position, attempt }) },
    });
    const all = { 'hookcast-position': '4:17', 'hookcast-attempt': '3', ...headers };
    await send(batchRequestOf([orderEvent('a'), orderEvent('b'), orderEvent('c')], { secret, headers: all }));
    return seen;
  }

  test('has its own position and attempt', async () => {
    const headers = { 'hookcast-positions': '4:17+2,5:1', 'hookcast-attempts': '1*2,3' };
    expect(await placesOf(headers)).toEqual([
      { id: 'a', position: '4:17', attempt: 1 },
      { id: 'b', position: '4:19', attempt: 1 },
      { id: 'c', position: '5:1', attempt: 3 },
    ]);
  });

  test.each<[string, Record<string, string>]>([
    ['of a broker that does not tell them', {}],
    ['whose headers tell of another number of events', { 'hookcast-positions': '4:17+1', 'hookcast-attempts': '1*4' }],
    ['whose headers are broken', { 'hookcast-positions': '4:17+1*99999999', 'hookcast-attempts': 'x' }],
  ])('%s has the position of the first and the highest attempt', async (_, headers) => {
    expect(await placesOf(headers)).toEqual([
      { id: 'a', position: '4:17', attempt: 3 },
      { id: 'b', position: undefined, attempt: 3 },
      { id: 'c', position: undefined, attempt: 3 },
    ]);
  });
});

test('a thousand failures in a batch are told one by one, not by a 500', async () => {
  const { send } = setup({
    on: {
      'orders.*': (_, { id }) => {
        if (id !== 'e0') throw new Error('all but one');
      },
    },
  });
  const events = Array.from({ length: 1_000 }, (_, at) => orderEvent(`e${at}`));
  const response = await send(batchRequestOf(events, { secret }));
  expect(response.status).toBe(200);
  const { results } = (await response.json()) as { results: unknown[] };
  expect(results).toHaveLength(999);
});

test('no more events are handled at once than concurrency says', async () => {
  let running = 0;
  let most = 0;
  const { send } = setup({
    concurrency: 2,
    on: {
      'orders.*': async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
      },
    },
  });
  const requests = Array.from({ length: 12 }, (_, at) => send(hookRequestOf(orderEvent(`e${at}`), { secret })));
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  expect([most, new Set(statuses)]).toEqual([2, new Set([204])]);
});

test('an event that finds no room in time is not handled and comes again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const seen: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { send } = setup({
      concurrency: 1,
      on: {
        'orders.*': async (_, { id }) => {
          seen.push(id);
          await gate;
        },
      },
    });
    const first = send(hookRequestOf(orderEvent('first'), { secret }));
    const second = send(hookRequestOf(orderEvent('second'), { secret }));
    const isWaiting = new Promise<void>((resolve) => setImmediate(resolve));
    await isWaiting;
    await until(() => vi.getTimerCount() > 0 && seen.length === 1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await second).headers.get('hookcast-verdict')).toBe('retry');
    release();
    expect((await first).status).toBe(204);
    expect(seen).toEqual(['first']);
  } finally {
    vi.useRealTimers();
  }
});

test('a concurrency of nothing is refused at the start', () => {
  expect(() => createReceiver({ secrets: [secret], concurrency: 0 })).toThrow(RangeError);
});
