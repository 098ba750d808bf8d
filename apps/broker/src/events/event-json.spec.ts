import type { StoredEvent } from '@hookcast/log';
import { eventJson } from './event-json.js';

const stored = (more: Partial<StoredEvent>): StoredEvent => ({
  id: 'e1',
  topic: 'orders',
  type: 'orders',
  source: '/topics/orders',
  streamId: 3,
  seq: 7,
  createdAt: new Date(0),
  attributes: {},
  data: undefined,
  ...more,
});

test('JSON data stands in it byte for byte', () => {
  const data = Buffer.from('{"n": 12345678901234567890,\n "x": 1.0, "x": "\\u00e9"}');
  const text = eventJson(stored({ data, contentType: 'application/json' }));
  expect(text).toContain(`"data":${data.toString()}`);
  expect(JSON.parse(text)).toMatchObject({ id: 'e1', position: '3:7', dataEncoding: 'json' });
});

test.each([
  ['text as a string', 'text/plain; charset=utf-8', Buffer.from('é"\n'), 'text', 'é"\n'],
  ['bytes in base64', 'application/octet-stream', Buffer.from([0, 255]), 'base64', 'AP8='],
  ['text that is no UTF-8 in base64', 'text/plain', Buffer.from([0xff]), 'base64', '/w=='],
  ['JSON that is none in base64', 'application/json', Buffer.from('{'), 'base64', 'ew=='],
  ['no data as null', undefined, undefined, 'none', null],
])('shows %s', (_, contentType, data, dataEncoding, shown) => {
  const event = stored({ data, ...(contentType !== undefined && { contentType }) });
  expect(JSON.parse(eventJson(event))).toMatchObject({ dataEncoding, data: shown });
});

test('shows every attribute under its CloudEvents name', () => {
  const event = stored({
    subject: 's',
    key: 'k',
    contentType: 'text/plain',
    attributes: { time: '2024-01-01T00:00:00Z', dataschema: 'x:y', traceparent: 'tp', extensions: { tenant: 't1' } },
  });
  expect(JSON.parse(eventJson(event, { deliveries: [] }))).toMatchObject({
    attributes: {
      specversion: '1.0',
      id: 'e1',
      subject: 's',
      partitionkey: 'k',
      datacontenttype: 'text/plain',
      time: '2024-01-01T00:00:00Z',
      dataschema: 'x:y',
      traceparent: 'tp',
      tenant: 't1',
    },
    deliveries: [],
  });
});
