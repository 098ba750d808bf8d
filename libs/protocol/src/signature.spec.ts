import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { anyText } from '../test/arbitraries.js';
import { generateSecret, generateSigningKeyPair, parseSecret, SecretError } from './secret.js';
import { createVerifier, sign, verify, type SignedRequest, type VerificationKeys } from './signature.js';

const timestamp = 1_800_000_000;
const now = new Date(timestamp * 1000);
const secret = generateSecret();
const pair = generateSigningKeyPair();
const hmac = parseSecret(secret);
const ed25519 = parseSecret(pair.secret);
const both = { secrets: [secret], publicKeys: [pair.publicKey] };

const signedWith = (signature: string, body: Buffer | string = '{}', id = 'evt_1'): SignedRequest => ({
  headers: { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature },
  body: Buffer.from(body),
});
const signature = sign({ id: 'evt_1', timestamp, body: Buffer.from('{}') }, [hmac]);
const genuine = signedWith(signature);
const check = (request: SignedRequest, keys: VerificationKeys = both) => verify(request, keys, { now });
const refused = (reason: string) => ({ kind: 'refused', reason });

describe('sign', () => {
  test('covers id, timestamp and the raw bytes of the body with each key, in order', () => {
    const body = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const expected = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(Buffer.concat([Buffer.from(`evt_1.${timestamp}.`), body]))
      .digest('base64');
    const header = sign({ id: 'evt_1', timestamp, body }, [ed25519, hmac]);
    expect(header).toMatch(/^v1a,[A-Za-z0-9+/]{86}== v1,[A-Za-z0-9+/]{43}=$/);
    expect(header.split(' ')[1]).toBe(`v1,${expected}`);
    expect(sign({ id: 'evt_1', timestamp, body }, [])).toBe('');
  });
});

describe('verify', () => {
  test('accepts what was signed, with any of the keys on either side', () => {
    const other = generateSecret();
    const otherPair = generateSigningKeyPair();
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x2d\x2f-\x7e]{1,60}$/), fc.uint8Array({ maxLength: 200 }), (id, bytes) => {
        const body = Buffer.from(bytes);
        const keys = [parseSecret(other), hmac, ed25519];
        const request = signedWith(sign({ id, timestamp, body }, keys), body, id);
        for (const trusted of [
          { secrets: [secret] },
          { secrets: [generateSecret(), other] },
          { publicKeys: [otherPair.publicKey, pair.publicKey] },
          both,
        ]) {
          expect(check(request, trusted)).toEqual({ kind: 'verified' });
        }
        expect(check(request, { secrets: [generateSecret()], publicKeys: [otherPair.publicKey] })).toEqual(
          refused('no-match'),
        );
      }),
    );
  });

  test('refuses a body, id or timestamp with one byte changed', () => {
    const visible = fc.stringMatching(/^[\x21-\x2d\x2f-\x7e]{1,20}$/);
    fc.assert(
      fc.property(
        visible,
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (id, bytes, at, flip) => {
          const body = Buffer.from(bytes);
          const request = signedWith(sign({ id, timestamp, body }, [hmac, ed25519]), body, id);
          const verified = { kind: 'verified' };
          const anyAge = (changed: SignedRequest) => verify(changed, both, { now, toleranceSeconds: Infinity });
          expect(anyAge(request)).toEqual(verified);

          const changedBody = Buffer.from(bytes);
          changedBody[at % body.length] = (body[at % body.length] ?? 0) ^ flip;
          expect(anyAge({ ...request, body: changedBody })).not.toEqual(verified);
          for (const [header, value] of [
            ['webhook-id', id],
            ['webhook-timestamp', String(timestamp)],
          ] as const) {
            const place = at % value.length;
            const character = String.fromCharCode(value.charCodeAt(place) ^ flip);
            const changed = value.slice(0, place) + character + value.slice(place + 1);
            expect(anyAge({ ...request, headers: { ...request.headers, [header]: changed } })).not.toEqual(verified);
          }
          expect(anyAge({ ...request, body: body.subarray(1) })).not.toEqual(verified);
          expect(anyAge({ ...request, body: Buffer.concat([body, Buffer.from([0])]) })).not.toEqual(verified);
        },
      ),
    );
  });

  test('does not let the parts of the signed text move between headers and body', () => {
    const shifted = sign({ id: 'a', timestamp, body: Buffer.from(`${timestamp}.x`) }, [hmac]);
    expect(check(signedWith(shifted, 'x', `a.${timestamp}`))).toEqual(refused('malformed-header'));
  });

  test('refuses every single character of the signature changed', () => {
    const header = signature;
    for (let at = 3; at < header.length; at++) {
      const changed = header.slice(0, at) + (header[at] === 'A' ? 'B' : 'A') + header.slice(at + 1);
      expect(check(signedWith(changed)).kind).toBe('refused');
    }
  });

  test('accepts no more than ten signatures', () => {
    expect(check(signedWith(`${'v1,AAAA '.repeat(9)}${signature}`))).toEqual({ kind: 'verified' });
    expect(check(signedWith(`${'v1,AAAA '.repeat(10)}${signature}`))).toEqual(refused('too-many-signatures'));
    expect(check(signedWith(`${signature}${' v9,AAAA'.repeat(10)}`))).toEqual(refused('too-many-signatures'));
  });

  test('passes over versions it does not know and signatures of another length', () => {
    expect(check(signedWith(`v2,!? v1,AAAA v1a,AAAA ${signature}`))).toEqual({
      kind: 'verified',
    });
    const encoded = signature.slice(3);
    expect(check(signedWith(`v1a,${encoded}`))).toEqual(refused('no-match'));
    expect(check(signedWith(`V1,${encoded}`))).toEqual(refused('no-match'));
  });

  test('allows five minutes either way, or what it is told', () => {
    const at = (seconds: number, toleranceSeconds?: number) =>
      verify(genuine, both, {
        now: new Date((timestamp + seconds) * 1000),
        ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
      });
    expect(at(300)).toEqual({ kind: 'verified' });
    expect(at(-300)).toEqual({ kind: 'verified' });
    expect(at(301)).toEqual(refused('too-old'));
    expect(at(-301)).toEqual(refused('too-new'));
    expect(at(11, 10)).toEqual(refused('too-old'));
    expect(at(0, Number.NaN)).toEqual(refused('too-old'));
    expect(verify(genuine, both)).toMatchObject({ kind: 'refused' });
  });

  test('refuses when it has no key', () => {
    expect(check(genuine, {})).toEqual(refused('no-match'));
    expect(check(genuine, { secrets: [], publicKeys: [] })).toEqual(refused('no-match'));
    expect(check(genuine, { publicKeys: [pair.publicKey] })).toEqual(refused('no-match'));
  });

  test('throws for a key that is none, since that is a mistake of its owner', () => {
    expect(() => check(genuine, { secrets: ['whsec_short'] })).toThrow(SecretError);
    expect(() => check(genuine, { secrets: [pair.secret] })).toThrow(SecretError);
    expect(() => check(genuine, { publicKeys: [secret] })).toThrow(SecretError);
  });

  test.each<[string, string, string | string[] | undefined]>([
    ['missing-header', 'webhook-id', undefined],
    ['missing-header', 'webhook-id', ''],
    ['missing-header', 'webhook-timestamp', undefined],
    ['missing-header', 'webhook-signature', ''],
    ['malformed-header', 'webhook-id', ['evt_1', 'evt_1']],
    ['malformed-header', 'webhook-id', 'evt_1, evt_1'],
    ['malformed-header', 'webhook-id', 'evt.1'],
    ['malformed-header', 'webhook-id', 'evt_1\n'],
    ['malformed-header', 'webhook-timestamp', [String(timestamp)]],
    ['malformed-header', 'webhook-timestamp', `${timestamp}, ${timestamp}`],
    ['malformed-header', 'webhook-timestamp', `${timestamp}.5`],
    ['malformed-header', 'webhook-timestamp', `-${timestamp}`],
    ['malformed-header', 'webhook-timestamp', ` ${timestamp}`],
    ['malformed-header', 'webhook-timestamp', '1e9'],
    ['malformed-header', 'webhook-timestamp', '9'.repeat(13)],
    ['malformed-header', 'webhook-signature', [signature]],
    ['malformed-header', 'webhook-signature', `${signature}, ${signature}`],
    ['malformed-header', 'webhook-signature', `${signature}  ${signature}`],
    ['malformed-header', 'webhook-signature', ` ${signature}`],
    ['malformed-header', 'webhook-signature', `${signature} `],
    ['malformed-header', 'webhook-signature', 'v1'],
    ['malformed-header', 'webhook-signature', 'v1,'],
    ['malformed-header', 'webhook-signature', `,${signature}`],
    ['malformed-header', 'webhook-signature', `v1 ${signature}`],
  ])('answers %s for the header %s: %j', (reason, header, value) => {
    expect(check({ ...genuine, headers: { ...genuine.headers, [header]: value } })).toEqual(refused(reason));
  });

  test('of one verifier serves many requests', () => {
    const verifier = createVerifier(both);
    expect(verifier(genuine, { now })).toEqual({ kind: 'verified' });
    expect(verifier(signedWith(signature, '{ }'), { now })).toEqual(refused('no-match'));
    expect(verifier(genuine, { now })).toEqual({ kind: 'verified' });
  });
});

describe('the standardwebhooks package', () => {
  const oracle = new Webhook(secret);
  const text = anyText(30);
  const id = fc.stringMatching(/^[A-Za-z0-9_%-]{1,40}$/);

  test('verifies what we sign, among other signatures too', () => {
    const current = Math.floor(Date.now() / 1000);
    fc.assert(
      fc.property(id, text, (eventId, body) => {
        const header = sign({ id: eventId, timestamp: current, body: Buffer.from(body) }, [
          parseSecret(generateSecret()),
          ed25519,
          hmac,
        ]);
        const headers = { 'webhook-id': eventId, 'webhook-timestamp': String(current), 'webhook-signature': header };
        expect(() => oracle.verify(Buffer.from(body), headers, { jsonParse: false })).not.toThrow();
        expect(() => oracle.verify(`${body} `, headers, { jsonParse: false })).toThrow('No matching signature found');
      }),
    );
  });

  test('signs what we verify', () => {
    fc.assert(
      fc.property(id, text, (eventId, body) => {
        const request = signedWith(oracle.sign(eventId, now, body), body, eventId);
        expect(check(request)).toEqual({ kind: 'verified' });
        expect(check({ ...request, body: Buffer.from(`${body} `) })).toEqual(refused('no-match'));
      }),
    );
  });
});
