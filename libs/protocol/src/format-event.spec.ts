import fc from 'fast-check';
import { anyText, jsonText } from '../test/arbitraries.js';
import { formatStandardPayload, formatStructured, formatStructuredJson } from './format-event.js';
import { parseStructured } from './structured-event.js';

const base = { id: '1', source: '/s', type: 'orders.created', extensions: {}, time: '2026-10-03T10:20:30Z' };
const json = { ...base, datacontenttype: 'application/json' };

test('an event given with JSON text is the one given with its bytes', () => {
  const attributes = fc.record({
    subject: anyText(20),
    datacontenttype: fc.constantFrom('application/json', 'text/json'),
  });
  fc.assert(
    fc.property(attributes, fc.json(), (given, text) => {
      const event = { ...base, ...given };
      expect(formatStructuredJson(event, text)).toEqual(formatStructured({ ...event, data: Buffer.from(text) }));
    }),
  );
  const deep = '['.repeat(200) + ']'.repeat(200);
  expect(formatStructuredJson(json, deep)).toEqual(formatStructured({ ...json, data: Buffer.from(deep) }));
});

describe('the payload of Standard Webhooks', () => {
  test('holds the text of JSON data byte for byte', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(formatStandardPayload({ ...json, data: Buffer.from(text) }).toString()).toBe(
          `{"type":"orders.created","timestamp":"2026-10-03T10:20:30Z","data":${text}}`,
        );
      }),
    );
  });

  test('holds all other data in base64 and says so', () => {
    const payload = formatStandardPayload({ ...base, datacontenttype: 'text/plain', data: Buffer.from('"é"') });
    expect(JSON.parse(payload.toString())).toEqual({
      type: 'orders.created',
      timestamp: '2026-10-03T10:20:30Z',
      data: Buffer.from('"é"').toString('base64'),
      data_encoding: 'base64',
    });
  });

  test('has null for no data, and the time it is told for an event without one', () => {
    const { time, ...timeless } = base;
    expect(formatStandardPayload(timeless, time)).toEqual(formatStandardPayload(base));
    expect(JSON.parse(formatStandardPayload(timeless).toString())).toEqual({ type: 'orders.created', data: null });
  });

  test('escapes the type', () => {
    expect(JSON.parse(formatStandardPayload({ ...base, type: '"€\\' }).toString())).toMatchObject({ type: '"€\\' });
  });
});

describe('an extension that is named as an Integer or a Boolean', () => {
  const written = (extensions: Record<string, string>, scalars = Object.keys(extensions)) =>
    JSON.parse(formatStructured({ ...base, extensions, scalars }).toString()) as Record<string, unknown>;

  test('is a JSON number or boolean, and reads as what it was', () => {
    const values = fc.oneof(fc.boolean(), fc.integer(), fc.string({ unit: 'grapheme-ascii' }));
    fc.assert(
      fc.property(values, (ext) => {
        const body = Buffer.from(JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', ext }));
        const read = parseStructured(body);
        const again = read.kind === 'ok' ? formatStructured(read.value) : Buffer.alloc(0);
        expect(JSON.parse(again.toString())).toMatchObject({ ext });
      }),
    );
  });

  test.each(['007', '1.5', '1e3', 'tru', '', '"', '1,"x":2', ' 1', '99999999999'])(
    'is text all the same when it is %j',
    (ext) => {
      expect(written({ ext })).toMatchObject({ ext });
    },
  );

  test('does not change the others', () => {
    expect(written({ n: '1', text: '1' }, ['n'])).toMatchObject({ n: 1, text: '1' });
  });
});
