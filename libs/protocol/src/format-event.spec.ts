import fc from 'fast-check';
import { anyText, jsonText } from '../test/arbitraries.js';
import { formatStandardPayload, formatStructured, formatStructuredJson } from './format-event.js';

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
