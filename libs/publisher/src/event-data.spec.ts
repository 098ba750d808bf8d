import { encodeData } from './event-data.js';
import { PublishError } from './publish-error.js';

const cases: [string, unknown, string | undefined, string | undefined, string | undefined][] = [
  ['an object becomes JSON', { total: 99.5 }, undefined, '{"total":99.5}', 'application/json'],
  ['a string becomes a JSON string', 'hello', undefined, '"hello"', 'application/json'],
  ['null is JSON null', null, undefined, 'null', 'application/json'],
  [
    'an object keeps a JSON media type of its own',
    [1],
    'application/vnd.shop+json',
    '[1]',
    'application/vnd.shop+json',
  ],
  ['a string with a content type is its own bytes', 'à la', 'text/plain', 'à la', 'text/plain'],
  ['JSON text keeps every digit', '{"n":1.0}', 'application/json', '{"n":1.0}', 'application/json'],
  ['bytes are taken as they are', Buffer.from('{"n": 1.0 }'), 'application/json', '{"n": 1.0 }', 'application/json'],
  ['bytes without a type are octets', new Uint8Array([104, 105]), undefined, 'hi', 'application/octet-stream'],
  ['undefined is no data', undefined, undefined, undefined, undefined],
  ['no data may still have a type', undefined, 'text/plain', undefined, 'text/plain'],
];

test.each(cases)('%s', (_, data, contentType, text, type) => {
  const encoded = encodeData(data, contentType);
  expect(encoded.json ?? encoded.data?.toString()).toBe(text);
  expect(encoded.datacontenttype).toBe(type);
});

test('a view into a larger buffer gives only its own bytes', () => {
  const view = new Uint8Array(new TextEncoder().encode('before-data-after').buffer, 7, 4);
  expect(encodeData(view, undefined).data?.toString()).toBe('data');
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;

test.each<[string, unknown, string | undefined]>([
  ['a circular object', circular, undefined],
  ['a bigint', 10n, undefined],
  ['a function', () => 1, undefined],
  ['a symbol', Symbol('x'), undefined],
  ['an object that claims to be text', { a: 1 }, 'text/plain'],
  ['text that claims to be JSON', '{"open":', 'application/json'],
  ['bytes that claim to be JSON', Buffer.from([0xff]), 'application/problem+json'],
])('%s is refused', (_, data, contentType) => {
  expect(() => encodeData(data, contentType)).toThrow(PublishError);
  expect(() => encodeData(data, contentType)).toThrow(expect.objectContaining({ reason: 'invalid-event' }));
});
