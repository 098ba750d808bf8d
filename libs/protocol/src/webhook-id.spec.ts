import fc from 'fast-check';
import { batchWebhookId, escapeWebhookId, unescapeWebhookId } from './webhook-id.js';

test('a webhook-id has no dot and gives the event id back', () => {
  const eventId = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
  const tricky = fc.array(fc.constantFrom('.', '%', '2', '5', 'E', 'e', 'a')).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(eventId, tricky), (id) => {
      const escaped = escapeWebhookId(id);
      expect(escaped).not.toContain('.');
      expect(unescapeWebhookId(escaped)).toBe(id);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['order-1', 'order-1'],
  ['a.b', 'a%2Eb'],
  ['50%', '50%25'],
  ['%2E', '%252E'],
])('the event id %s becomes %s', (id, escaped) => {
  expect(escapeWebhookId(id)).toBe(escaped);
});

test('a batch is named after its first event and its size', () => {
  expect(batchWebhookId('a.b', 12)).toBe('batch_a%2Eb_12');
});
