import { contentModeOf, parseBatch, parseBinary, parseStructured, type CloudEvent } from '@hookcast/protocol';
import { field, joined, time, type Part } from '../extract.js';
import { empty, handshake } from '../handshakes.js';
import { type Inbound } from '../inbound.js';
import { refused, type Handshake, type Refused, type SourceConfig } from '../reception.js';
import { type Sender } from '../sender.js';

export const cloudevents: Sender = {
  name: 'cloudevents',
  title: 'CloudEvents (HTTP webhook)',
  documentation: 'https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md',
  schemes: { bearer: { kind: 'token', from: 'bearer', name: 'access_token' } },
  params: {
    allowedOrigins: { describes: 'origins that may send, comma-separated; all when absent' },
    allowedRate: {
      describes: 'requests a minute that are granted; unlimited when absent',
      check: (value) => (/^[1-9]\d{0,8}$/.test(value) ? undefined : 'must be a whole number of requests a minute'),
    },
  },
  unsigned: [
    {
      methods: ['OPTIONS'],
      describes: '`OPTIONS` with `WebHook-Request-Origin` → 200 with `WebHook-Allowed-Origin` and `-Rate`, else 405',
      answer: grant,
    },
  ],
  check: (request) => (isCloudEvent(request) ? undefined : refused('unsupported-media-type')),
  split,
  event: {
    type: field('type'),
    id: joined('#', field('source'), field('id')),
    time: time(field('time'), 'iso'),
    subject: field('subject'),
  },
  retries: 'as the sender decides; honours 429 with Retry-After',
};

function grant(request: Inbound, source: SourceConfig): Handshake | Refused {
  const origin = request.headerText('webhook-request-origin') ?? '';
  const allowed = source.params?.['allowedOrigins']?.split(',').map((name) => name.trim()) ?? ['*'];
  if (origin === '' || !(allowed.includes('*') || allowed.includes(origin))) return refused('origin');
  const rate = source.params?.['allowedRate'] ?? '*';
  const headers = { allow: 'POST', 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate };
  return handshake({ ...empty(200), headers });
}

function isCloudEvent(request: Inbound): boolean {
  return contentModeOf(request.headerText('content-type')) !== 'binary' || request.hasHeader('ce-type');
}

function split(request: Inbound): Part[] | undefined {
  return read(request)?.map((event, index) => ({
    request,
    value: event,
    data: event.data ?? Buffer.alloc(0),
    contentType: event.datacontenttype ?? 'application/octet-stream',
    index,
  }));
}

function read(request: Inbound): CloudEvent[] | undefined {
  switch (contentModeOf(request.headerText('content-type'))) {
    case 'structured': {
      const result = parseStructured(request.body);
      return result.kind === 'ok' ? [result.value] : undefined;
    }
    case 'batch': {
      const result = parseBatch(request.body);
      return result.kind === 'ok' ? result.value : undefined;
    }
    case 'binary': {
      const result = parseBinary(headersOf(request), request.body);
      return result.kind === 'ok' ? [result.value] : undefined;
    }
  }
}

/** Repeated headers as lists, which the parser refuses for attributes. */
function headersOf(request: Inbound): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of request.raw.headers) {
    const key = name.toLowerCase();
    const previous = headers[key];
    headers[key] = previous === undefined ? value : [previous, value].flat();
  }
  return headers;
}
