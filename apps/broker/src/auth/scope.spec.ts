import { allows, grantsOf, isScopeText, principalOf, type Principal } from './scope.js';

const principalWith = (scopes: string[]): Principal =>
  principalOf({ id: 'k', name: 'key', namespace: 'default', scopes });

test.each(['read', 'admin', 'publish:orders.*', 'subscribe:**', 'publish:a'])('%s is a scope', (text) => {
  expect(isScopeText(text)).toBe(true);
});

test.each([
  'publish',
  'publish:',
  'subscribe:a.**.b',
  'subscribe:A',
  'read:**',
  'admin:x',
  'write:a',
  ' read',
  'publish:a\n',
  '',
  null,
  7,
])('%j is no scope', (text) => {
  expect(isScopeText(text)).toBe(false);
});

test('scopes are sorted out by kind, and nonsense grants nothing', () => {
  expect(grantsOf(['publish:a.*', 'subscribe:b', 'read', 'publish:c', 'root', 'publish:**.x'])).toEqual({
    admin: false,
    read: true,
    publish: ['a.*', 'c'],
    subscribe: ['b'],
  });
});

test('a key publishes to the topics of its patterns only, admin to all', () => {
  const key = principalWith(['publish:orders.*']);
  expect([key.publishesTo('orders.created'), key.publishesTo('orders'), key.publishesTo('users.created')]).toEqual([
    true,
    false,
    false,
  ]);
  expect(principalWith(['admin']).publishesTo('users.created')).toBe(true);
});

test('a scope allows itself and nothing else; admin allows everything', () => {
  const kinds = ['publish', 'subscribe', 'read', 'admin'] as const;
  const allowed = (scopes: string[]) => kinds.filter((kind) => allows(principalWith(scopes), kind));
  expect(allowed(['publish:**'])).toEqual(['publish']);
  expect(allowed(['subscribe:**'])).toEqual(['subscribe']);
  expect(allowed(['read'])).toEqual(['read']);
  expect(allowed(['admin'])).toEqual(kinds);
  expect(allowed([])).toEqual([]);
});
