import fc from 'fast-check';
import { memberText } from './json-member.js';

const textOf = (json: string, name = 'data') => memberText(Buffer.from(json), name)?.toString();

test.each([
  ['numbers keep their digits', '{"data":12345678901234567890}', '12345678901234567890'],
  ['white space inside is kept, around it not', ' { "a" : 1 , "data" :  {"f": 1.0 }  } ', '{"f": 1.0 }'],
  ['braces and quotes in strings are text', '{"a":"}\\"data\\":1","data":["]",{"x":"}"}]}', '["]",{"x":"}"}]'],
  ['a deeper member of the name does not count', '{"a":{"data":1},"data":2}', '2'],
  ['the last of two counts, as for JSON.parse', '{"data":1,"data":null}', 'null'],
  ['an escaped name is the name', '{"d\\u0061ta":true}', 'true'],
  ['a string', '{"data":"a,b"}', '"a,b"'],
])('%s', (_, json, expected) => {
  expect(textOf(json)).toBe(expected);
});

test('an object without the member has no text of it', () => {
  expect(textOf('{}')).toBeUndefined();
  expect(textOf('{"other":[1,{"data":2}]}')).toBeUndefined();
});

test('what it cuts out is what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), fc.nat(2), (rest, data, indent) => {
      const json = JSON.stringify({ ...rest, data, after: rest }, null, indent);
      expect(JSON.parse(textOf(json) ?? '')).toEqual(JSON.parse(json).data);
    }),
  );
});
