import { EventBuffer } from './event-buffer.js';
import { PendingPublish } from './pending-publish.js';

function setup(limits: { maxEvents: number; maxBytes: number; whenFull: 'reject' | 'wait' }) {
  const admitted: string[] = [];
  const buffer = new EventBuffer(limits, ({ events }) => void admitted.push(events[0]?.id ?? ''));
  const offer = (id: string, size = 10) => {
    const call = new PendingPublish([{ topic: 't', id, key: undefined, body: Buffer.alloc(size) }], 0, {
      timeoutMs: 60_000,
      signal: undefined,
      resolve: () => {},
      reject: () => {},
      onSettled: (settled) => buffer.release(settled),
    });
    const isTaken = buffer.offer(call);
    if (!isTaken) call.fail({ reason: 'buffer-full', message: '' });
    return { call, isTaken };
  };
  const settleAll = () => buffer.unsettled().forEach((call) => call.succeed([]));
  return { admitted, buffer, offer, settleAll };
}

test('rejects what is over the limit of events and takes more once some are settled', () => {
  const { offer, buffer, settleAll } = setup({ maxEvents: 2, maxBytes: 1_000, whenFull: 'reject' });
  const first = offer('a');
  offer('b');
  expect(offer('c').isTaken).toBe(false);
  first.call.succeed([]);
  expect(offer('d').isTaken).toBe(true);
  expect(buffer).toMatchObject({ events: 2, bytes: 20 });
  settleAll();
  expect(buffer).toMatchObject({ events: 0, bytes: 0 });
});

test('rejects what is over the limit of bytes, but never the only event', () => {
  const { offer, settleAll } = setup({ maxEvents: 10, maxBytes: 15, whenFull: 'reject' });
  expect(offer('large', 100).isTaken).toBe(true);
  expect(offer('small', 1).isTaken).toBe(false);
  settleAll();
});

test('admits those that wait in the order they came, as room appears', () => {
  const { offer, admitted, buffer, settleAll } = setup({ maxEvents: 10, maxBytes: 20, whenFull: 'wait' });
  const { call: a } = offer('a', 15);
  const { call: b } = offer('b', 15);
  offer('c', 5);
  expect(admitted).toEqual(['a']);
  b.fail({ reason: 'aborted', message: '' });
  expect(admitted).toEqual(['a']);
  a.succeed([]);
  expect(admitted).toEqual(['a', 'c']);
  expect(buffer).toMatchObject({ events: 1, bytes: 5 });
  settleAll();
});
