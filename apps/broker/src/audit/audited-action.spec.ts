import { auditedAction, isRemarkable } from './audited-action.js';

test.each([
  ['PUT', '/v1/topics/:name', 'topic.put', 'topic/n'],
  ['DELETE', '/v1/subscriptions/:name', 'subscription.delete', 'subscription/n'],
  ['POST', '/v1/subscriptions/:name/rotate-secret', 'subscription.rotate-secret', 'subscription/n'],
  ['POST', '/v1/subscriptions/:name/deliveries/:eventId/retry', 'subscription.deliveries.retry', 'subscription/n'],
  ['DELETE', '/v1/sources/:name/websub', 'source.websub.delete', 'source/n'],
  ['POST', '/v1/keys', 'key.create', 'keys'],
  ['POST', '/v1/dead-letters/redrive', 'dead-letter.redrive', 'dead-letters'],
  ['GET', '/v1/keys', 'key.read', 'keys'],
])('%s %s is %s of %s', (method, template, action, target) => {
  expect(auditedAction(method, template, { name: 'n', eventId: 'e' })).toEqual({ action, target });
});

test('reading, publishing and heartbeats are not remarkable', () => {
  const of = (method: string, template: string) => isRemarkable(method, auditedAction(method, template, { a: 'n' }));
  expect(of('GET', '/v1/keys')).toBe(false);
  expect(of('POST', '/v1/topics/:a/events')).toBe(false);
  expect(of('POST', '/v1/services/:a/heartbeat')).toBe(false);
  expect(of('PUT', '/v1/services/:a')).toBe(true);
});
