import { formatBinary, parseBinary, type CloudEvent } from '@hookcast/protocol';
import { parsePlainBinary } from './plain-binary.js';

const event: CloudEvent = {
  id: 'e1',
  source: '/orders',
  type: 'orders.created',
  subject: 'eu/1',
  time: '2026-11-24T12:00:00Z',
  dataschema: 'https://schemas.test/order',
  datacontenttype: 'application/json; charset=utf-8',
  extensions: { partitionkey: 'k', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  data: Buffer.from(' {"total": 1.0, "big":12345678901234567890,"text":"à \\u0041"}\n'),
};
const { headers, body } = formatBinary(event);
const plain = { ...headers, 'ce-id': 'e1', 'user-agent': 'x', 'hookcast-topic': 'orders.created' };

test('a plain event reads as the whole reader reads it', () => {
  const read = parsePlainBinary(plain, body);
  expect({ kind: 'ok', value: read?.event }).toEqual(parseBinary(plain, body));
  expect(read?.value).toEqual({ total: 1, big: Number('12345678901234567890'), text: 'à A' });
});

test('a header that is there without a value is none', () => {
  expect(parsePlainBinary({ ...plain, 'ce-subject': undefined }, body)?.event).not.toHaveProperty('subject');
});

test('data may be any JSON', () => {
  expect(parsePlainBinary(plain, Buffer.from('null'))).toMatchObject({
    value: null,
    event: { data: Buffer.from('null') },
  });
  expect(parsePlainBinary(plain, Buffer.from('7'))?.value).toBe(7);
});

test.each<[string, Record<string, string | string[]>, Buffer]>([
  ['data that is no JSON', plain, Buffer.from('{')],
  ['data that is not UTF-8', plain, Buffer.from([0x22, 0xff, 0x22])],
  ['no data', plain, Buffer.alloc(0)],
  ['data of another type', { ...plain, 'content-type': 'text/plain' }, body],
  ['two content types', { ...plain, 'content-type': ['application/json', 'application/json'] }, body],
  ['an id that is none', { ...plain, 'ce-id': 'a b' }, body],
  ['an empty source', { ...plain, 'ce-source': '' }, body],
  ['a percent sign to decode', { ...plain, 'ce-subject': 'a%20b' }, body],
  ['a quoted value', { ...plain, 'ce-subject': '"a"' }, body],
  ['a byte above ASCII', { ...plain, 'ce-subject': 'Ã ' }, body],
  ['a header given twice', { ...plain, 'ce-subject': ['a', 'b'] }, body],
  ['another version', { ...plain, 'ce-specversion': '0.3' }, body],
  ['an attribute whose name is none', { ...plain, 'ce-bad-name': 'x' }, body],
  ['data among the headers', { ...plain, 'ce-data': 'x' }, body],
  ['a media type among the headers', { ...plain, 'ce-datacontenttype': 'application/json' }, body],
  ['a time that is none', { ...plain, 'ce-time': 'yesterday' }, body],
])('what has %s is left to the whole reader', (_, changed, bytes) => {
  expect(parsePlainBinary(changed, bytes)).toBeUndefined();
});
