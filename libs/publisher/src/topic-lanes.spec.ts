import fc from 'fast-check';
import { PendingPublish } from './pending-publish.js';
import { TopicLanes } from './topic-lanes.js';

let calls: PendingPublish[] = [];
afterEach(() => calls.forEach((call) => call.fail({ reason: 'closed', message: 'The test is over.' })));

function pending(events: { id: string; key?: string | undefined; size?: number }[], deadline = 0): PendingPublish {
  const outgoing = events.map(({ id, key, size = 10 }) => ({ topic: 't', id, key, body: Buffer.alloc(size) }));
  const ignore = () => {};
  const options = { timeoutMs: 60_000, signal: undefined, resolve: ignore, reject: ignore, onSettled: ignore };
  const call = new PendingPublish(outgoing, deadline, options);
  calls.push(call);
  return call;
}
beforeEach(() => {
  calls = [];
});

const limits = { maxEvents: 3, maxBytes: 1_000 };
const idsOf = (batch: PendingPublish[]) => batch.flatMap(({ events }) => events.map(({ id }) => id));

function lanesWith(...added: PendingPublish[]) {
  const lanes = new TopicLanes('t', 2);
  for (const call of added) lanes.add(call);
  const [first, second] = lanes.lanes;
  if (first === undefined || second === undefined) throw new Error('two lanes');
  return { lanes, first, second };
}

test('a request holds what fits, in the order of the calls', () => {
  const { lanes, first } = lanesWith(...['a', 'b', 'c', 'd'].map((id) => pending([{ id }])));
  expect(idsOf(lanes.next(first, limits))).toEqual(['a', 'b', 'c']);
  expect(idsOf(lanes.next(first, limits))).toEqual(['d']);
  expect(lanes.next(first, limits)).toEqual([]);
});

test('a request stays within the bytes that are allowed, brackets and commas included', () => {
  const { lanes, first } = lanesWith(...['a', 'b'].map((id) => pending([{ id, size: 49 }])));
  expect(idsOf(lanes.next(first, { maxEvents: 3, maxBytes: 101 }))).toEqual(['a']);
  const other = lanesWith(...['a', 'b'].map((id) => pending([{ id, size: 49 }])));
  expect(idsOf(other.lanes.next(other.first, { maxEvents: 3, maxBytes: 102 }))).toEqual(['a', 'b']);
});

test('a batch travels alone', () => {
  const { lanes, first } = lanesWith(
    pending([{ id: 'a' }]),
    pending([{ id: 'b' }, { id: 'c' }]),
    pending([{ id: 'd' }]),
  );
  expect(idsOf(lanes.next(first, limits))).toEqual(['a']);
  expect(idsOf(lanes.next(first, limits))).toEqual(['b', 'c']);
  expect(idsOf(lanes.next(first, limits))).toEqual(['d']);
});

test('two events of one id never share a request', () => {
  const { lanes, first } = lanesWith(pending([{ id: 'a' }]), pending([{ id: 'a' }]));
  expect(idsOf(lanes.next(first, limits))).toEqual(['a']);
  expect(idsOf(lanes.next(first, limits))).toEqual(['a']);
});

test('on one lane calls leave in the order they came, whatever their keys, batches included', () => {
  const one = fc.record({
    key: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }),
    count: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), (added) => {
      const lanes = new TopicLanes('t', 1);
      const ids = added.map(({ count }, at) => Array.from({ length: count }, (_, part) => `${at}.${part}`));
      // As out of the spool and the outbox: nobody waits, so that no deadline tells which came first.
      for (const [at, of] of ids.entries())
        lanes.add(
          pending(
            of.map((id) => ({ id, key: added[at]?.key })),
            Infinity,
          ),
        );
      const [lane] = lanes.lanes;
      const sent = ids.flatMap(() => (lane ? idsOf(lanes.next(lane, limits)) : []));
      expect(sent).toEqual(ids.flat());
    }),
  );
});

test('settled calls are left out', () => {
  const [a, b] = [pending([{ id: 'a' }]), pending([{ id: 'b' }])];
  const { lanes, first } = lanesWith(a, b);
  a.fail({ reason: 'aborted', message: '' });
  first.again.push([a]);
  expect(idsOf(lanes.next(first, limits))).toEqual(['b']);
});

test('what is sent again goes before what is new', () => {
  const { lanes, first } = lanesWith(pending([{ id: 'new' }]));
  first.again.push([pending([{ id: 'again' }])]);
  expect(idsOf(lanes.next(first, limits))).toEqual(['again']);
});

test('events of one key leave through one lane and in their order, whichever lane asks when', () => {
  const key = fc.option(fc.constantFrom('k1', 'k2', 'k3', 'k4'), { nil: undefined });
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), fc.array(fc.nat(1), { maxLength: 40 }), (keys, turns) => {
      const { lanes } = lanesWith(...keys.map((one, at) => pending([{ id: String(at), key: one }], at)));
      const drain = [...Array.from({ length: 40 }, () => 0), ...Array.from({ length: 40 }, () => 1)];
      const sent = [...turns, ...drain].flatMap((turn) => {
        const lane = lanes.lanes[turn];
        return lane === undefined ? [] : lanes.next(lane, limits).map(({ events: [event] }) => ({ event, turn }));
      });
      expect(sent).toHaveLength(keys.length);
      for (const one of new Set(keys.filter((each) => each !== undefined))) {
        const ofKey = sent.filter(({ event }) => event?.key === one);
        expect(ofKey.map(({ event }) => Number(event?.id))).toEqual(
          keys.flatMap((each, at) => (each === one ? [at] : [])),
        );
        expect(new Set(ofKey.map(({ turn }) => turn)).size).toBe(1);
      }
    }),
  );
});
