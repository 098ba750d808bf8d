import { AppendQueue } from './append-queue.js';
import type { AppendRequest } from './append-request.js';

type Named = AppendRequest & { name: string };

const request = (name: string, events = 1, bytes = 1): Named => ({
  name,
  items: Array.from({ length: events }, () => ({ streamId: 1, columns: columns(name) })),
  places: [],
  bytes,
});
const columns = (id: string) => ({
  id,
  type: null,
  source: null,
  subject: null,
  key: null,
  contentType: null,
  attributes: null,
  deliverAt: null,
  expiresAt: null,
  data: null,
});
const names = (requests: Named[]) => requests.map(({ name }) => name);

test('hands out as many requests as a batch holds, first come, first served', () => {
  const queue = new AppendQueue<Named>();
  for (const name of ['a', 'b', 'c', 'd']) queue.push(request(name, 2, 10));
  expect(names(queue.take({ events: 5, bytes: 100 }))).toEqual(['a', 'b']);
  expect(names(queue.take({ events: 100, bytes: 15 }))).toEqual(['c']);
  expect(names(queue.take({ events: 100, bytes: 100 }))).toEqual(['d']);
  expect(queue.take({ events: 100, bytes: 100 })).toEqual([]);
});

test('a request larger than a batch goes alone', () => {
  const queue = new AppendQueue<Named>();
  queue.push(request('large', 50));
  queue.push(request('small'));
  expect(names(queue.take({ events: 10, bytes: 10 }))).toEqual(['large']);
});

test('what is put back comes first', () => {
  const queue = new AppendQueue<Named>();
  queue.push(request('c'));
  queue.putBack([request('a'), request('b')]);
  expect(names(queue.takeAll())).toEqual(['a', 'b', 'c']);
  expect(queue.length).toBe(0);
});
