import fc from 'fast-check';
import type { AppendRequest } from './append-request.js';
import type { EventColumns } from '../event.js';
import { appendedEvents, idsIn, planFlush, seqsOf, type StreamBatch, type StreamResult } from './flush-plan.js';

const columns = (id: string, data = id): EventColumns => ({
  id,
  type: null,
  source: null,
  subject: null,
  key: null,
  contentType: null,
  attributes: null,
  deliverAt: null,
  expiresAt: null,
  data: Buffer.from(data),
});
/** `stream/id` or `stream/id=data`. */
const request = (...events: string[]): AppendRequest => ({
  items: events.map((text) => {
    const [, stream = '', id = '', data] = /^(\d+)\/([^=]+)(?:=(.*))?$/.exec(text) ?? [];
    return { streamId: Number(stream), columns: columns(id, data) };
  }),
  places: events.map((_event, index) => index),
  bytes: 1,
});
const ids = (batch: StreamBatch | undefined) => batch?.rows.map(({ id }) => id);

/** As if the streams had `head` events and the log knew some rows already. */
function store(
  batches: readonly StreamBatch[],
  head: number,
  known: (batch: StreamBatch) => [number, number][] = () => [],
) {
  return new Map(
    batches.map((batch) => {
      const rows = new Map(known(batch));
      const result: StreamResult = { batch, headSeq: head + batch.rows.length - rows.size, known: rows };
      return [batch, { result, seqs: seqsOf(batch, result) }];
    }),
  );
}

test('locks streams in ascending order, whatever the order of requests', () => {
  const { batches } = planFlush([request('3/a', '1/b'), request('2/c', '1/d')]);
  expect(batches.map(({ streamId }) => streamId)).toEqual([1, 2, 3]);
  expect(ids(batches[0])).toEqual(['b', 'd']);
});

test('an event that two requests bring is stored once, and the second is told so', () => {
  const plan = planFlush([request('1/a'), request('1/a', '1/b')]);
  expect(plan.batches.map(ids)).toEqual([['a', 'b']]);
  const stored = store(plan.batches, 10);
  expect(plan.requests.map((planned) => appendedEvents(planned, stored))).toEqual([
    [{ id: 'a', position: '1:11', duplicate: false }],
    [
      { id: 'a', position: '1:11', duplicate: true },
      { id: 'b', position: '1:12', duplicate: false },
    ],
  ]);
});

test('the same id in another stream is another event', () => {
  const plan = planFlush([request('1/a=x'), request('2/a=y')]);
  expect(plan.deferred).toEqual([]);
  expect(plan.batches).toHaveLength(2);
});

test('a request that gives an id other bytes waits, whole, for the next flush', () => {
  const clashing = request('2/z', '1/a=other');
  const plan = planFlush([request('1/a'), clashing, request('1/c')]);
  expect(plan.deferred).toEqual([clashing]);
  expect(plan.batches.map(ids)).toEqual([['a', 'c']]);
});

test('numbers new rows without gaps around known ones', () => {
  const [batch] = planFlush([request('1/a', '1/b', '1/c', '1/d')]).batches;
  if (!batch) throw new Error('no batch');
  const known = new Map([
    [0, 4],
    [2, 9],
  ]);
  expect(seqsOf(batch, { batch, headSeq: 22, known })).toEqual([4, 21, 9, 22]);
});

test('an event named twice in its request is a duplicate of itself', () => {
  const twice = { ...request('1/a', '1/b'), places: [0, 1, 0] };
  const plan = planFlush([twice]);
  const [planned] = plan.requests;
  if (!planned) throw new Error('no request');
  expect(appendedEvents(planned, store(plan.batches, 0))).toEqual([
    { id: 'a', position: '1:1', duplicate: false },
    { id: 'b', position: '1:2', duplicate: false },
    { id: 'a', position: '1:1', duplicate: true },
  ]);
});

test('finds the requests that hold a row, shared rows included', () => {
  const plan = planFlush([request('1/a'), request('1/a', '1/b'), request('1/b', '1/c')]);
  const [batch] = plan.batches;
  if (!batch) throw new Error('no batch');
  const rows = new Map([[batch, new Set([0])]]);
  expect(plan.requests.map((planned) => idsIn(planned, rows))).toEqual([['a'], ['a'], []]);
});

test('every planned event has one position, and equal events share it', () => {
  const event = fc.record({
    stream: fc.integer({ min: 1, max: 3 }),
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    data: fc.constantFrom('x', 'y'),
  });
  const requests = fc.array(
    fc.uniqueArray(event, { minLength: 1, maxLength: 4, selector: ({ stream, id }) => `${stream}/${id}` }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(requests, (given) => {
      const plan = planFlush(
        given.map((events) => request(...events.map(({ stream, id, data }) => `${stream}/${id}=${data}`))),
      );
      expect(plan.requests.length + plan.deferred.length).toBe(given.length);
      const stored = store(plan.batches, 100);
      const places = new Map<string, string>();
      for (const planned of plan.requests) {
        for (const [index, answer] of appendedEvents(planned, stored).entries()) {
          const item = planned.request.items[index];
          const name = `${item?.streamId}/${answer.id}=${item?.columns.data?.toString()}`;
          expect(places.get(name) ?? answer.position).toBe(answer.position);
          expect(answer.duplicate).toBe(places.has(name));
          places.set(name, answer.position);
        }
      }
      expect(new Set(places.values()).size).toBe(places.size);
    }),
  );
});
