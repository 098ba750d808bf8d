import { charsetOf, contentModeOf, isJsonContentType, isUnknownEventFormat } from './media-type.js';

test.each([
  [undefined, 'binary'],
  ['', 'binary'],
  ['application/json', 'binary'],
  ['text/plain; x=application/cloudevents', 'binary'],
  ['application/cloudevents+json', 'structured'],
  [' application/cloudevents+json', 'structured'],
  ['application/cloudevents-BATCH+json', 'batch'],
  ['Application/CloudEvents+JSON; charset=UTF-8', 'structured'],
  ['application/cloudevents+avro', 'structured'],
  ['application/cloudevents-batch+json', 'batch'],
  ['application/cloudevents-batch+json;charset=utf-8', 'batch'],
])('%j announces the %s mode', (contentType, mode) => {
  expect(contentModeOf(contentType)).toBe(mode);
});

test('only event formats other than JSON are unknown', () => {
  expect(
    ['application/cloudevents+avro', 'application/cloudevents', 'application/cloudevents-batch+xml'].every(
      isUnknownEventFormat,
    ),
  ).toBe(true);
  expect(
    ['application/cloudevents+json; a=b', 'application/cloudevents-batch+json', 'text/xml', undefined].some(
      isUnknownEventFormat,
    ),
  ).toBe(false);
});

test.each([
  ['application/json', true],
  ['APPLICATION/JSON ; charset=utf-8', true],
  ['text/json', true],
  ['application/vnd.github.v3+json', true],
  ['application/problem+json;a=b', true],
  ['application/jsonl', false],
  ['application/json-seq', false],
  ['application/xjson', false],
  ['text/plain; a=application/json', false],
  ['json', false],
  ['', false],
  [undefined, false],
])('%j is JSON: %s', (contentType, expected) => {
  expect(isJsonContentType(contentType)).toBe(expected);
});

test('the charset is found among the parameters', () => {
  expect(charsetOf('text/plain; a=b; Charset="UTF-8"')).toBe('utf-8');
  expect(charsetOf('text/plain; notcharset=x')).toBeUndefined();
});
