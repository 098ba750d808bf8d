import { formatStructured, parseStructured, type CloudEvent } from '@hookcast/protocol';
import { parsePlainEnvelope } from './plain-envelope.js';

const event: CloudEvent = {
  id: 'e1',
  source: '/orders',
  type: 'orders.created',
  subject: 'eu/1',
  time: '2026-11-24T12:00:00Z',
  dataschema: 'https://schemas.test/order',
  datacontenttype: 'application/json',
  extensions: { partitionkey: 'k', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  data: Buffer.from('{"total": 1.0, "big":12345678901234567890,"text":"à \\u0041"}'),
};

test('a plain event reads as the whole reader reads it, bytes of the data included', () => {
  const body = formatStructured(event);
  const plain = parsePlainEnvelope(body);
  expect({ kind: 'ok', value: { ...plain?.event } }).toEqual(parseStructured(body));
  expect(plain?.value).toEqual({ total: 1, big: Number('12345678901234567890'), text: 'à A' });
});

const envelope = (changes: object) => {
  const plain = {
    specversion: '1.0',
    id: 'e1',
    source: '/s',
    type: 't',
    datacontenttype: 'application/json',
    data: {},
  };
  return Buffer.from(JSON.stringify({ ...plain, ...changes }));
};

test.each([
  ['no JSON', Buffer.from('{')],
  ['no object', Buffer.from('[]')],
  [
    'bytes that are not UTF-8',
    Buffer.from(envelope({ subject: 'X' }).toString('latin1').replace('X', '\xff'), 'latin1'),
  ],
  ['another version', envelope({ specversion: '0.3' })],
  ['no id', envelope({ id: undefined })],
  ['an id that is none', envelope({ id: 'a b' })],
  ['an empty source', envelope({ source: '' })],
  ['data that is not JSON', envelope({ datacontenttype: 'text/plain', data: 'x' })],
  ['data in base64', envelope({ data_base64: 'AA==', data: undefined })],
  ['no data', envelope({ data: undefined })],
  ['data null', envelope({ data: null })],
  ['an attribute that is no text', envelope({ sequence: 7 })],
  ['an attribute whose name is none', envelope({ 'Bad-Name': 'x' })],
  ['a time that is none', envelope({ time: 'yesterday' })],
])('what has %s is left to the whole reader', (_, body) => {
  expect(parsePlainEnvelope(body)).toBeUndefined();
});
