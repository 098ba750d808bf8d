import fc from 'fast-check';
import type { CloudEvent } from '../src/cloud-event.js';

/** Code points but surrogates, half of them ASCII. `unit: 'binary'` of fast-check takes a second to set up. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0x80, max: 0x10ffff }))
  .filter((point) => point < 0xd800 || point > 0xdfff)
  .map((point) => String.fromCodePoint(point));

/** Any well-formed text. */
export const anyText = (maxLength: number) => fc.string({ unit: codePoint, maxLength });

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Numbers in every spelling RFC 8259 allows, such as `1.0`, `-0`, `1E+05` and integers no double can hold. */
const numberText = fc.stringMatching(/^-?(0|[1-9]\d{0,25})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/);

const stringPiece = fc.oneof(
  { weight: 4, arbitrary: anyText(6).map(escapeBare) },
  fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\u007f', '\ufeff', '\u2028'),
  fc.stringMatching(/^\\u[0-9a-fA-F]{4}$/),
);

/** String texts with bare and escaped characters, lone surrogates in escapes included. */
export const stringText = fc.array(stringPiece, { maxLength: 5 }).map((pieces) => `"${pieces.join('')}"`);

/** JSON texts as no serialiser would write them: white space anywhere, odd numbers and escapes, repeated names. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; member: string }>((tie) => ({
  value: fc
    .tuple(
      space,
      fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom('null', 'true', 'false', '{}', '[]', '""'),
        numberText,
        stringText,
        fc.array(tie('value'), { maxLength: 4 }).map((values) => `[${values.join(',')}]`),
        fc.array(tie('member'), { maxLength: 4 }).map((members) => `{${members.join(',')}}`),
      ),
      space,
    )
    .map((parts) => parts.join('')),
  member: fc.tuple(space, stringText, space, tie('value')).map(([a, name, b, value]) => `${a}${name}${b}:${value}`),
})).value;

/** Text without what no CloudEvents String holds. */
export const attributeText = anyText(20).filter(
  (text) => text !== '' && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(text),
);

const jsonData = fc.record({
  datacontenttype: fc.constantFrom('application/json', 'application/vnd.api+json; charset=utf-8', 'text/json'),
  data: jsonText.map((text) => Buffer.from(text)),
});

const anyData = fc.record({
  datacontenttype: fc.constantFrom('application/octet-stream', 'text/plain; charset=utf-8', 'image/png'),
  data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});

/** Sound events with JSON data, any other bytes, or none. */
export const cloudEvent: fc.Arbitrary<CloudEvent> = fc
  .tuple(
    fc.record(
      {
        id: fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
        source: fc.constantFrom('/services/orders', 'https://example.org/a?b=%20#c', 'urn:uuid:1', '..'),
        type: attributeText,
        subject: attributeText,
        time: fc.constantFrom('2026-10-03T10:20:30Z', '2024-02-29t23:59:60.123456789+05:30'),
        dataschema: fc.constantFrom('https://example.org/schema/1.0', 'urn:schema:a'),
        extensions: fc.dictionary(fc.stringMatching(/^ext[a-z0-9]{0,10}$/), attributeText, {
          maxKeys: 3,
          noNullPrototype: true,
        }),
      },
      { requiredKeys: ['id', 'source', 'type', 'extensions'] },
    ),
    fc.oneof(jsonData, anyData, fc.constant({})),
  )
  .map(([attributes, data]) => ({ ...attributes, ...data }));

/** Makes the bare control characters, quotes and backslashes of a text legal inside a JSON string. */
function escapeBare(text: string): string {
  return text.replaceAll(/[\p{Cc}"\\]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
