import { createHmac, sign as signBytes } from 'node:crypto';
import fc from 'fast-check';
import {
  batchWebhookId,
  formatBatch,
  formatBinary,
  formatStandardPayload,
  formatStructured,
  generateSecret,
  generateSigningKeyPair,
  mediaTypes,
  parseSecret,
  sign,
  type CloudEvent,
  type SignedRequest,
} from '@hookcast/protocol';
import type { EventContext } from './event-context.js';
import { HookRequestError } from './hook-request-error.js';
import { verifyHookRequest } from './open-request.js';

const seconds = 1_800_000_000;
const now = new Date(seconds * 1000);
const secret = generateSecret();
const pair = generateSigningKeyPair();
const keys = { secrets: [generateSecret(), secret], publicKeys: [pair.publicKey] };
const runs = { numRuns: 400 };

const event: CloudEvent = {
  id: 'order-42',
  source: '/orders',
  type: 'orders.created',
  time: '2026-11-24T12:00:00Z',
  datacontenttype: 'application/json',
  extensions: { partitionkey: 'customer-7', hookcasthops: '2' },
  data: Buffer.from('{"orderId":42,"lines":[{"sku":"a\\u0041é"}],"total":99.50}'),
};

type Unsigned = Pick<SignedRequest, 'body'> & { id: string; headers: Record<string, string> };

const forms: Record<string, Unsigned> = {
  structured: {
    id: event.id,
    headers: { 'content-type': `${mediaTypes.structured}; charset=utf-8` },
    body: formatStructured(event),
  },
  batch: {
    id: batchWebhookId(event.id, 2),
    headers: { 'content-type': mediaTypes.batch },
    body: formatBatch([event, { ...event, id: 'order-43' }]),
  },
  binary: { id: event.id, ...formatBinary(event) },
  standard: {
    id: event.id,
    headers: { 'content-type': 'application/json' },
    body: formatStandardPayload(event),
  },
};

type Headers = Record<string, string | string[] | undefined>;

function signed({ id, headers, body }: Unsigned): { headers: Headers; body: Buffer } {
  const signature = sign({ id, timestamp: seconds, body }, [parseSecret(pair.secret), parseSecret(secret)]);
  return {
    body,
    headers: {
      ...headers,
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing',
      'hookcast-attempt': '1',
      'hookcast-position': '4:17',
      'hookcast-hops': '3',
    },
  };
}

/** Standard Webhooks 1.0.0, written down a second time, as simply as can be. */
function isGenuine({ headers, body }: { headers: Headers; body: Buffer }): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return false;
  if (!/^[!-~]+$/.test(id) || id.includes('.') || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Number(timestamp) - seconds) > 300) return false;
  const entries = signature.split(' ');
  if (entries.length > 10 || !entries.every((entry) => /^[^,]+,.*[^,]$/s.test(entry))) return false;
  const text = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const hmac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(text)
    .digest('base64');
  const key = parseSecret(pair.secret);
  if (key.kind !== 'ed25519') throw new Error('not a pair');
  const ed25519 = signBytes(null, text, key.privateKey);
  return entries.some(
    (entry) =>
      entry === `v1,${hmac}` || (entry.startsWith('v1a,') && Buffer.from(entry.slice(4), 'base64').equals(ed25519)),
  );
}

type Outcome = { kind: 'opened' } | { kind: 'refused'; reason: string };

/** Anything thrown that is not the documented error fails the property. */
function outcomeOf(request: SignedRequest): Outcome {
  try {
    const { events } = verifyHookRequest(request, keys, { now });
    for (const { context } of events) expect(faultsOf(context)).toEqual([]);
    return { kind: 'opened' };
  } catch (error) {
    if (!(error instanceof HookRequestError)) throw error;
    expect([400, 401]).toContain(error.status);
    return { kind: 'refused', reason: error.reason };
  }
}

/** Members of a context that are not what its type says. */
function faultsOf({ attempt, hops, time, event: { data } }: EventContext): string[] {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
  const faults = {
    attempt: !isCount(attempt),
    hops: !isCount(hops),
    // RFC 3339 has years before 1970 as well.
    time: time !== undefined && !Number.isSafeInteger(time.getTime()),
  };
  // Bytes that are only looked for when somebody asks.
  const isMissing = data !== undefined && !Buffer.isBuffer(data);
  return Object.entries({ ...faults, data: isMissing }).flatMap(([name, isFault]) => (isFault ? [name] : []));
}

const isNoEvent = (reason: string) => reason === 'malformed-event' || reason === 'id-mismatch';

const anyText = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary-ascii', maxLength: 40 }));
const near = (text: string) =>
  fc.oneof(
    fc.constant(''),
    fc.constant(text.toUpperCase()),
    fc.constant(`${text}, ${text}`),
    fc.constant(`${text} ${text}`),
    fc
      .constantFrom(' ', ',', '\t', '\n', '\0', '.', '%2E', '\u00a0', '\u0660')
      .chain((mark) => fc.nat(text.length).map((at) => text.slice(0, at) + mark + text.slice(at))),
    fc.nat(Math.max(text.length - 1, 0)).map((at) => text.slice(0, at) + text.slice(at + 1)),
    fc
      .tuple(fc.nat(Math.max(text.length - 1, 0)), fc.integer({ min: 0x20, max: 0x7e }))
      .map(([at, code]) => text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)),
    fc.tuple(fc.nat(text.length), fc.nat(text.length)).map(([from, to]) => text.slice(from, to)),
    fc.integer({ min: -400, max: 400 }).map((by) => String(Number(text) + by)),
    anyText,
    anyText.map((other) => `${text} v1,${other}`),
    anyText.map((other) => `v1a,${other} ${text}`),
    fc.integer({ min: 1, max: 12 }).map((count) => `${'v1,AAAA '.repeat(count)}${text}`),
  );

const changed = (value: string | string[] | undefined): fc.Arbitrary<string | string[] | undefined> => {
  const text = typeof value === 'string' ? value : '';
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 8, arbitrary: near(text) },
    { weight: 1, arbitrary: fc.array(near(text), { maxLength: 3 }) },
  );
};

/** A request of which some of the named headers, or those of other names, are changed. */
const withChanges = (request: SignedRequest, names: readonly string[]) =>
  fc
    .subarray([...names], { minLength: 1, maxLength: 2 })
    .chain((chosen) =>
      fc.tuple(...chosen.map((name) => changed(request.headers[name]).map((value) => [name, value] as const))),
    )
    .map((entries): SignedRequest => ({ ...request, headers: { ...request.headers, ...Object.fromEntries(entries) } }));

const flipped = (body: Buffer) =>
  fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
    const copy = Buffer.from(body);
    copy[at] = (copy[at] ?? 0) ^ bits;
    return copy;
  });
const changedBody = (body: Buffer) =>
  fc.oneof(
    flipped(body),
    fc.nat(body.length - 1).map((length) => body.subarray(0, length)),
    fc.uint8Array({ maxLength: 20 }).map((rest) => Buffer.concat([body, rest])),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  );

describe.each(Object.entries(forms))('a %s request', (_, form) => {
  const request = signed(form);

  test('as it was signed is opened', () => {
    expect(outcomeOf(request)).toEqual({ kind: 'opened' });
  });

  test('is opened exactly when its signature headers are still genuine', () => {
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    let refusals = 0;
    fc.assert(
      fc.property(withChanges(request, names), (attempt) => {
        const { kind } = outcomeOf(attempt);
        if (kind === 'refused') refusals += 1;
        return (kind === 'opened') === isGenuine(attempt);
      }),
      runs,
    );
    expect(refusals).toBeGreaterThan(runs.numRuns / 2);
  });

  test('with another body is never opened', () => {
    fc.assert(
      fc.property(changedBody(request.body), (body) => {
        const outcome = outcomeOf({ ...request, body });
        return body.equals(request.body) || (outcome.kind === 'refused' && outcome.reason === 'no-match');
      }),
      runs,
    );
  });

  test('that is genuine is opened or refused as no event, whatever it carries', () => {
    fc.assert(
      fc.property(changedBody(request.body), (body) => {
        const outcome = outcomeOf(signed({ ...form, body }));
        return outcome.kind === 'opened' || isNoEvent(outcome.reason);
      }),
      runs,
    );
  });

  test('is opened or refused as no event, whatever its other headers say', () => {
    const names = Object.keys(request.headers).filter((name) => !name.startsWith('webhook-'));
    fc.assert(
      fc.property(withChanges(request, [...names, 'ce-subject', 'ce-data', '__proto__', 'traceparent']), (attempt) => {
        const outcome = outcomeOf(attempt);
        return outcome.kind === 'opened' || isNoEvent(outcome.reason);
      }),
      runs,
    );
  });

  test.each([
    ['opens brackets without end', '['.repeat(200_000)],
    ['is nested deeply', `{"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['is nested deeply in its extensions', `{"specversion":"1.0","x":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_001)}`],
  ])('that is genuine and %s brings nothing down', (__, text) => {
    const outcome = outcomeOf(signed({ ...form, body: Buffer.from(text) }));
    expect(['opened', 'refused']).toContain(outcome.kind);
  });
});
