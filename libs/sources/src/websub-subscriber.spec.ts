import { discoverWebSub, webSubForm, webSubRenewalAt } from './websub-subscriber.js';

const topic = 'https://blog.example.org/feed?page=1';

test('Link headers name hubs and the canonical topic', () => {
  const links = [
    '<https://hub.example.org/>; rel="hub", <https://hub2.example.org>; rel=hub',
    '</feed>; title=x; rel="self alternate"',
  ];
  expect(discoverWebSub(topic, links, '<link rel="hub" href="https://other.example.org">')).toEqual({
    hubs: ['https://hub.example.org/', 'https://hub2.example.org/'],
    topic: 'https://blog.example.org/feed',
  });
});

test.each([
  '<feed><link rel="self" href="https://blog.example.org/a"/><link href="https://hub.example.org/?a=1&amp;b=2" rel="hub"/></feed>',
  '<rss><atom:link rel="self" href="/a"/><atom:link rel="hub" href="https://hub.example.org/?a=1&amp;b=2" /></rss>',
  "<html><LINK REL='hub' HREF='https://hub.example.org/?a=1&b=2'><link rel='self' href='a'></html>",
])('the markup does where the headers name none: %s', (body) => {
  expect(discoverWebSub('https://blog.example.org/', ['</x>; rel=next'], body)).toEqual({
    hubs: ['https://hub.example.org/?a=1&b=2'],
    topic: 'https://blog.example.org/a',
  });
});

test('a topic without a usable hub cannot be subscribed to', () => {
  expect(discoverWebSub(topic, [], '<feed/>')).toBeUndefined();
  expect(discoverWebSub(topic, ['<javascript:alert(1)>; rel=hub'], '')).toBeUndefined();
});

test('the form for the hub carries the secret and the lease, and only to subscribe', () => {
  const request = { topic, callbackUrl: 'https://hooks.example.org/in/feed/t', secret: 's&s' };
  expect(
    Object.fromEntries(new URLSearchParams(webSubForm({ ...request, mode: 'subscribe', leaseSeconds: 60 }))),
  ).toEqual({
    'hub.mode': 'subscribe',
    'hub.topic': topic,
    'hub.callback': 'https://hooks.example.org/in/feed/t',
    'hub.secret': 's&s',
    'hub.lease_seconds': '60',
  });
  expect(webSubForm({ ...request, mode: 'unsubscribe' })).not.toContain('secret');
});

test('a lease is renewed before it ends', () => {
  expect(webSubRenewalAt(new Date(0), 1000)).toEqual(new Date(750_000));
});
