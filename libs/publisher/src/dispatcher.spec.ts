import { Dispatcher } from './dispatcher.js';
import { outgoingEvent } from './outgoing-event.js';
import { PendingPublish } from './pending-publish.js';
import type { PublishError } from './publish-error.js';
import { publisherSettings } from './settings.js';
import { Transport } from './transport.js';

/** Nothing listens on port 1. */
const settings = publisherSettings({
  url: 'http://127.0.0.1:1',
  apiKey: 'k',
  maxAttempts: 1,
  retry: { baseMs: 5, maxMs: 20 },
});
let elapsed = 0;
const clock = { now: () => Date.now(), elapsed: () => elapsed };

async function failOn(dispatcher: Dispatcher, topic: string): Promise<PublishError> {
  const event = outgoingEvent(topic, {}, {}, { source: 'urn:test', now: 0 });
  return new Promise((reject, resolve) => {
    const options = { timeoutMs: 10_000, signal: undefined, resolve, reject, onSettled: () => {} };
    dispatcher.add(new PendingPublish([event], 10_000, options));
  });
}

test('a topic whose events have failed is forgotten once its pause is over', async () => {
  const transport = new Transport(settings);
  const dispatcher = new Dispatcher({ settings, transport, clock, random: () => 1 });
  const errors = await Promise.all(Array.from({ length: 20 }, async (_, n) => failOn(dispatcher, `topic-${n}`)));
  expect(new Set(errors.map(({ reason }) => reason))).toEqual(new Set(['unreachable']));
  expect(dispatcher.knownTopics).toBe(20);
  elapsed += 1_000;
  await vi.waitFor(() => expect(dispatcher.knownTopics).toBe(0));
  transport.close();
});
