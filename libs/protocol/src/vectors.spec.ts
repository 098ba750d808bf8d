import { readFileSync } from 'node:fs';
import { formatBinary, parseBinary } from './binary-event.js';
import type { CloudEvent, ParseResult } from './cloud-event.js';
import { formatStandardPayload, formatStructured } from './format-event.js';
import { parseSecret, SecretError } from './secret.js';
import { sign, verify } from './signature.js';
import { parseBatch, parseStructured } from './structured-event.js';
import { compilePattern, isTopicName, isTopicPattern } from './topic-pattern.js';
import { batchWebhookId, escapeWebhookId, unescapeWebhookId } from './webhook-id.js';

/*
 * docs/vectors is what an SDK in another language is written against. The files are not written by this code; when one
 * of these tests fails, the wire has changed.
 */

interface SignatureVectors {
  signed: {
    name: string;
    id: string;
    timestamp: number;
    bodyBase64: string;
    secrets: string[];
    publicKeys: string[];
    signature: string;
  }[];
  verified: {
    name: string;
    headers: Record<string, string>;
    bodyBase64: string;
    secrets: string[];
    publicKeys: string[];
    now: number;
    toleranceSeconds?: number;
    expected: string;
  }[];
  refusedSecrets: { secret: string; reason: string }[];
  webhookIds: { eventId: string; webhookId: string }[];
  batchWebhookIds: { firstEventId: string; count: number; webhookId: string }[];
}

type EventVector = Omit<CloudEvent, 'data'> & { dataBase64?: string };

interface RequestVector {
  name: string;
  mode: 'structured' | 'batch' | 'binary';
  headers?: Record<string, string>;
  bodyBase64: string;
}

interface EventVectors {
  parsed: (RequestVector & { events: EventVector[] })[];
  refused: (RequestVector & { pointers: string[] })[];
  formatted: {
    name: string;
    event: EventVector;
    structured: string;
    binaryHeaders: Record<string, string>;
    standardPayload: string;
  }[];
}

interface PatternVectors {
  names: { valid: string[]; invalid: string[] };
  patterns: { valid: string[]; invalid: string[] };
  matching: { pattern: string; matches: string[]; doesNotMatch: string[] }[];
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}.json`, import.meta.url), 'utf8'));
const signatures = read('signatures') as SignatureVectors;
const events = read('cloudevents') as EventVectors;
const patterns = read('topic-patterns') as PatternVectors;

const bytes = (base64: string) => Buffer.from(base64, 'base64');

describe('signatures.json', () => {
  test.each(signatures.signed)('signs with $name', ({ id, timestamp, bodyBase64, secrets, publicKeys, signature }) => {
    const body = bytes(bodyBase64);
    expect(sign({ id, timestamp, body }, secrets.map(parseSecret))).toBe(signature);
    const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    const shared = secrets.filter((secret) => secret.startsWith('whsec_'));
    const now = new Date(timestamp * 1000);
    for (const keys of [{ secrets: shared }, { publicKeys }].filter((each) => Object.values(each).flat().length > 0)) {
      expect(verify({ headers, body }, keys, { now })).toEqual({ kind: 'verified' });
    }
  });

  test.each(signatures.verified)('judges a request $name: $expected', (vector) => {
    const { headers, bodyBase64, secrets, publicKeys, toleranceSeconds, expected } = vector;
    const options = {
      now: new Date(vector.now * 1000),
      ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
    };
    const verification = verify({ headers, body: bytes(bodyBase64) }, { secrets, publicKeys }, options);
    expect(verification.kind === 'refused' ? verification.reason : verification.kind).toBe(expected);
  });

  test.each(signatures.refusedSecrets)('refuses a secret with $reason', ({ secret }) => {
    expect(() => parseSecret(secret)).toThrow(SecretError);
  });

  test.each(signatures.webhookIds)('escapes $eventId', ({ eventId, webhookId }) => {
    expect(escapeWebhookId(eventId)).toBe(webhookId);
    expect(unescapeWebhookId(webhookId)).toBe(eventId);
  });

  test.each(signatures.batchWebhookIds)('names a batch $webhookId', ({ firstEventId, count, webhookId }) => {
    expect(batchWebhookId(firstEventId, count)).toBe(webhookId);
  });
});

describe('cloudevents.json', () => {
  const eventOf = ({ dataBase64, ...attributes }: EventVector): CloudEvent =>
    dataBase64 === undefined ? attributes : { ...attributes, data: bytes(dataBase64) };

  function parse({ mode, headers, bodyBase64 }: RequestVector): ParseResult<CloudEvent[]> {
    const body = bytes(bodyBase64);
    if (mode === 'batch') return parseBatch(body);
    const result = mode === 'binary' ? parseBinary(headers ?? {}, body) : parseStructured(body);
    return result.kind === 'ok' ? { kind: 'ok', value: [result.value] } : result;
  }

  test.each(events.parsed)('reads the $mode form: $name', (vector) => {
    expect(parse(vector)).toStrictEqual({ kind: 'ok', value: vector.events.map(eventOf) });
  });

  test.each(events.refused)('refuses the $mode form: $name', (vector) => {
    const result = parse(vector);
    expect(result.kind === 'malformed' && result.errors.map(({ pointer }) => pointer)).toEqual(vector.pointers);
  });

  test.each(events.formatted)('writes $name', ({ event, structured, binaryHeaders, standardPayload }) => {
    const written = eventOf(event);
    expect(formatStructured(written).toString()).toBe(structured);
    expect(formatBinary(written)).toEqual({ headers: binaryHeaders, body: written.data ?? Buffer.alloc(0) });
    expect(formatStandardPayload(written).toString()).toBe(standardPayload);
  });
});

describe('topic-patterns.json', () => {
  test('tells names from what is none', () => {
    expect(patterns.names.valid.filter((name) => !isTopicName(name))).toEqual([]);
    expect(patterns.names.invalid.filter(isTopicName)).toEqual([]);
  });

  test('tells patterns from what is none', () => {
    expect(patterns.patterns.valid.filter((pattern) => !isTopicPattern(pattern))).toEqual([]);
    expect(patterns.patterns.invalid.filter(isTopicPattern)).toEqual([]);
  });

  test.each(patterns.matching)('matches $pattern', ({ pattern, matches, doesNotMatch }) => {
    const isMatch = compilePattern(pattern);
    expect(matches.filter((topic) => !isMatch(topic))).toEqual([]);
    expect(doesNotMatch.filter(isMatch)).toEqual([]);
  });
});
