import { parseJsonObject } from './json-object.js';
import { Problem } from './problem.js';

const limits = { maxJsonDepth: 32, maxJsonNodes: 1000 };

const refused = (text: string | Buffer): Problem | undefined => {
  try {
    parseJsonObject(Buffer.from(text), limits);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  return undefined;
};

const refusal = (text: string | Buffer) => refused(text)?.code;

test('an object is taken as it is, and an empty body as an empty one', () => {
  expect(parseJsonObject(Buffer.from('{"a":[1,{"b":"\\"["}]}'), limits)).toEqual({ a: [1, { b: '"[' }] });
  expect(parseJsonObject(Buffer.alloc(0), limits)).toEqual({});
});

test.each([
  ['an array', '[]'],
  ['a string', '"x"'],
  ['null', 'null'],
  ['cut off', '{"a":'],
  ['two values', '{}{}'],
  ['a comment', '{/**/}'],
  ['single quotes', "{'a':1}"],
  ['a prototype', '{"__proto__":{"admin":true}}'],
  ['nested beyond measure', '{"a":'.repeat(100_000)],
  ['of too many values', `{"a":[${'1,'.repeat(1000)}1]}`],
  ['nested too deep', `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`],
])('%s is refused', (_, text) => {
  expect(refusal(text)).toBe('validation-failed');
});

test('bytes that are no UTF-8 are refused', () => {
  expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe('validation-failed');
});

test('the refusal does not repeat the text', () => {
  const problem = refused('{"secret":"hunter2"');
  expect(problem?.message).toBeDefined();
  expect(JSON.stringify([problem?.message, problem?.errors])).not.toContain('hunter2');
});
