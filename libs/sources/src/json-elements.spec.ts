import fc from 'fast-check';
import { hasRepeatedNames, sliceElements } from './json-elements.js';

const slices = (text: string, path: string[]) => sliceElements(Buffer.from(text), path)?.map(String);

test('slices the elements byte for byte', () => {
  expect(slices('[1.0, 12345678901234567890 ,"a,]b" , {"x" : [1,2]},[]]', [])).toEqual([
    '1.0',
    '12345678901234567890',
    '"a,]b"',
    '{"x" : [1,2]}',
    '[]',
  ]);
  expect(slices('\uFEFF{"a":{"b":[true ,null]}}', ['a', 'b'])).toEqual(['true', 'null']);
  expect(slices('{"\\u0061":[1]}', ['a'])).toEqual(['1']);
  expect(slices(' [ ] ', [])).toEqual([]);
});

test('the slices parse to the elements, whatever the document', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, space) => {
      const text = JSON.stringify({ before: '"]', list: values, after: [[]] }, undefined, space);
      expect(slices(text, ['list'])?.map((slice) => JSON.parse(slice) as unknown)).toEqual(
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});

test('there is nothing to slice where the path leads to no array', () => {
  for (const text of ['{}', '{"list":{}}', '{"list":1}', '[]', '"list"', '1'])
    expect(slices(text, ['list'])).toBeUndefined();
  expect(slices('{"list":[1],"list":[2]}', ['list'])).toBeUndefined();
  expect(slices(`[${'1,'.repeat(10_000)}1]`, [])).toBeUndefined();
});

test('finds a name that occurs twice, at any depth and in any spelling', () => {
  expect(hasRepeatedNames(Buffer.from('{"a":{"b":[{"c":1,"d":2},{"c":3}]},"c":4}'))).toBe(false);
  expect(hasRepeatedNames(Buffer.from('{"a":[[{"b":1,"c":{},"b":2}]]}'))).toBe(true);
  expect(hasRepeatedNames(Buffer.from('{"a":1,"\\u0061":2}'))).toBe(true);
  expect(hasRepeatedNames(Buffer.from(`${'['.repeat(100)}${']'.repeat(100)}`))).toBe(true);
  expect(hasRepeatedNames(Buffer.from('"text"'))).toBe(false);
});
