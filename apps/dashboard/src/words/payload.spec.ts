import { exactly, payloadText } from './payload.js';

test('a payload is text, whatever is in it', () => {
  expect(payloadText({ data: { a: '<b>' }, dataEncoding: 'json' })).toBe('{\n  "a": "<b>"\n}');
  expect(payloadText({ data: 'aGk=', dataEncoding: 'base64' })).toBe('aGk=');
  expect(payloadText({ data: null, dataEncoding: 'none' })).toBe('(no data)');
});

test('numbers keep their digits where the runtime can', () => {
  const expected = 'rawJSON' in JSON ? '12345678901234567890' : '12345678901234567000';
  expect(JSON.stringify(exactly('{"n":12345678901234567890,"s":"1"}'))).toBe(`{"n":${expected},"s":"1"}`);
});
