import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { request as httpRequest } from 'node:http';
import { sign, type SourceConfig } from '@hookcast/sources';
import { testBroker, type Answer, type TestBroker } from '../support/app.js';

interface SourceBody {
  name: string;
  url: string | null;
  scheme: string;
  topic: string;
  state: string;
  enabled: boolean;
  oldUrlsUntil: string[];
  secrets: { hint: string; lastVerifiedAt: string | null }[];
  health: { lastHour: Record<string, number>; reasons: Record<string, number> };
}
interface Reception {
  id: string;
  verdict: string;
  reason: string | null;
  status: number;
  deliveryId: string | null;
  eventIds: string[];
}

const secret = 'a-shared-secret-0123456789';
let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_MAX_SOURCE_BYTES: '100000' } });
});
afterAll(async () => {
  await broker?.close();
});

/** The address of a source as this test reaches it. */
function here(url: string | null | undefined): string {
  const { pathname, search } = new URL(url ?? '');
  return `${broker.url}${pathname}${search}`;
}

async function source(name: string, body: object = { sender: 'github', secret }): Promise<SourceBody> {
  const put = await broker.call<SourceBody>('PUT', `/v1/sources/${name}`, body);
  if (put.status !== 201) throw new Error(`PUT answered ${put.status}: ${put.text}`);
  return put.body;
}

interface Sent {
  status: number;
  headers: Headers;
  text: string;
}

async function send(url: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Sent> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function github(body: string, headers: Record<string, string> = {}, key = secret) {
  const signature = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'issues',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': signature,
      ...headers,
    },
  };
}

async function receptions(name: string, query = ''): Promise<Reception[]> {
  const { body } = await broker.call<{ items: Reception[] }>('GET', `/v1/sources/${name}/receptions${query}`);
  return body.items;
}

async function topicEvents(topic: string): Promise<{ id: string; type: string; source: string; data: unknown }[]> {
  const { body } = await broker.call<{ items: { id: string; type: string; source: string; data: unknown }[] }>(
    'GET',
    `/v1/topics/${topic}/events`,
  );
  return body?.items ?? [];
}

describe('configuration', () => {
  test('PUT makes a source with a URL, and repeating it changes nothing', async () => {
    const made = await source('gh.config');
    expect(made).toMatchObject({ scheme: 'github-sha256', topic: 'github.{type}', enabled: true, state: 'active' });
    expect(made.url).toMatch(/\/in\/gh\.config\/[A-Za-z0-9_-]{43}$/);
    expect(made.secrets).toEqual([{ hint: '…6789', createdAt: expect.any(String), lastVerifiedAt: null }]);
    const again = await broker.call<SourceBody>('PUT', '/v1/sources/gh.config', { sender: 'github', secret });
    expect(again).toMatchObject({ status: 200, body: made });
    const kept = await broker.call<SourceBody>('PUT', '/v1/sources/gh.config', { sender: 'github' });
    expect(kept).toMatchObject({ status: 200, body: made });
    const shown = await broker.call<SourceBody>('GET', '/v1/sources/gh.config');
    expect(shown.body).toEqual(made);
    const list = await broker.call<{ items: SourceBody[] }>('GET', '/v1/sources');
    expect(list.body.items).toContainEqual(made);
  });

  test('neither token nor secrets are stored in the clear', async () => {
    const made = await source('gh.sealed');
    const token = made.url?.split('/').at(-1) ?? '';
    const { rows } = await broker.database.pool.query(`select * from sources where name = 'gh.sealed'`);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test.each([
    ['no secret', { sender: 'github' }, '/secrets'],
    ['an empty secret', { sender: 'github', secret: '' }, '/secret'],
    ['an unknown sender', { sender: 'nobody', secret }, '/sender'],
    ['an unknown scheme', { sender: 'github', scheme: 'md5', secret }, '/scheme'],
    ['a secret of the wrong form', { sender: 'svix', secret: 'no base64!' }, '/secret'],
    ['a second secret of the wrong form', { sender: 'svix', secrets: ['whsec_AAAAAAAAAAAAAAAA', '!'] }, '/secrets/1'],
    ['a missing setting', { sender: 'paypal' }, '/options/webhookId'],
    ['an unknown setting', { sender: 'github', secret, options: { color: 'red' } }, '/options/color'],
    ['a topic that is none', { sender: 'github', secret, topic: 'Git Hub' }, '/topic'],
    ['one secret and several', { sender: 'github', secret, secrets: ['another one'] }, '/secret'],
    ['a setting that is no scalar', { sender: 'github', secret, options: { a: {} } }, '/options'],
    ['an unknown field', { sender: 'github', secret, colour: 'red' }, '/colour'],
    [
      'a state of ours',
      { sender: 'websub', options: { topic: 'https://a.example/', pending: 'subscribe' } },
      '/options/pending',
    ],
  ])('%s is refused with a pointer', async (_, body, pointer) => {
    const put = await broker.call<{ errors: { pointer: string }[] }>('PUT', '/v1/sources/wrong', body);
    expect(put).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
    expect(put.body.errors.map((error) => error.pointer)).toContain(pointer);
    expect(await broker.call('GET', '/v1/sources/wrong')).toMatchObject({
      status: 404,
      body: { code: 'source-not-found' },
    });
  });

  test('numbers and booleans in options become text', async () => {
    const options = {
      header: 'x-sig',
      template: '{timestamp}.{body}',
      timestampHeader: 'x-time',
      toleranceSeconds: 60,
    };
    const made = await source('generic.numbers', { sender: 'generic', secret, options });
    expect(made).toMatchObject({ options: { ...options, toleranceSeconds: '60' } });
  });

  test('the URL of a sender that can only repeat its secret ends in it', async () => {
    const made = await source('mail', { sender: 'mailchimp', secret: 'code with blank & more' });
    expect(made.url).toMatch(/\/in\/mail\/[\w-]{43}\?code=code%20with%20blank%20%26%20more$/);
    const body = 'type=subscribe&fired_at=2026-01-01';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await send(here(made.url), { method: 'POST', body, headers })).toMatchObject({ status: 200 });
    const withoutCode = here(made.url).split('?')[0] ?? '';
    expect(await send(withoutCode, { method: 'POST', body, headers })).toMatchObject({ status: 401, text: '' });
  });

  test('the styles of senders are listed with what they need', async () => {
    const { body } = await broker.call<{ items: { name: string }[] }>('GET', '/v1/senders');
    expect(body.items.length).toBeGreaterThan(40);
    expect(body.items.find(({ name }) => name === 'github')).toMatchObject({
      title: 'GitHub',
      schemes: [{ name: 'github-sha256', needs: { secret: true } }, expect.anything()],
    });
  });

  test('a key that may only read is not shown the URL, and the audit log names no secret', async () => {
    const made = await source('gh.read');
    const key = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
    const options = { authorization: `Bearer ${key.body.key}` };
    const shown = await broker.call<SourceBody>('GET', '/v1/sources/gh.read', undefined, options);
    expect(shown).toMatchObject({ status: 200, body: { name: 'gh.read', url: null } });
    const list = await broker.call<{ items: SourceBody[] }>('GET', '/v1/sources', undefined, options);
    expect(list.body.items.map(({ url }) => url).filter((url) => url !== null)).toEqual([]);
    const forbidden = await broker.call('PUT', '/v1/sources/gh.read', { sender: 'github', secret }, options);
    expect(forbidden).toMatchObject({ status: 403 });
    await broker.call('POST', '/v1/sources/gh.read/rotate-token', {});
    const audit = await broker.call('GET', '/v1/audit');
    expect(audit.text).toContain('gh.read');
    for (const hidden of [secret, made.url?.split('/').at(-1) ?? '']) expect(audit.text).not.toContain(hidden);
  });

  test('every route needs a key, and no route of the API hides under /in', async () => {
    for (const [method, path] of [
      ['PUT', '/v1/sources/x'],
      ['GET', '/v1/sources'],
      ['GET', '/v1/senders'],
      ['GET', '/v1/sources/x/receptions'],
      ['POST', '/v1/sources/x/capture'],
      ['POST', '/v1/sources/x/websub'],
    ] as const) {
      expect((await broker.call(method, path, undefined, { authorization: undefined })).status).toBe(401);
    }
  });
});

describe('receiving', () => {
  test('a verified delivery is stored before the answer, byte for byte', async () => {
    const made = await source('gh.first', { sender: 'github', secret, topic: 'first.{type}' });
    const body = '{"action":"opened", "number": 12345678901234567890}';
    expect(await send(here(made.url), github(body))).toMatchObject({ status: 200, text: '' });
    const [event] = await topicEvents('first.issues.opened');
    expect(event).toMatchObject({
      id: 'gh.first:d-1',
      type: 'github.issues.opened',
      source: '/sources/github/gh.first',
    });
    const detail = await broker.call('GET', '/v1/events/gh.first:d-1');
    expect(detail.text).toContain(`"data":${body}`);
    expect(await receptions('gh.first')).toMatchObject([
      { verdict: 'accepted', reason: null, status: 200, deliveryId: 'd-1', eventIds: ['gh.first:d-1'] },
    ]);
    const { body: shown } = await broker.call<SourceBody>('GET', '/v1/sources/gh.first');
    expect(shown.secrets[0]?.lastVerifiedAt).not.toBeNull();
    expect(shown.health.lastHour).toMatchObject({ accepted: 1, refused: 0 });
  });

  test('a redelivery is answered alike and published once, even with other bytes', async () => {
    const made = await source('gh.again', { sender: 'github', secret, topic: 'again' });
    const url = here(made.url);
    await send(url, github('{"a":1}'));
    expect((await send(url, github('{"a":1}'))).status).toBe(200);
    expect((await send(url, github('{ "a" : 1 }'))).status).toBe(200);
    expect(await topicEvents('again')).toHaveLength(1);
    expect((await receptions('gh.again')).map(({ verdict }) => verdict)).toEqual([
      'duplicate',
      'duplicate',
      'accepted',
    ]);
  });

  test('deliveries that come at the same time are published once', async () => {
    const made = await source('gh.race', { sender: 'github', secret, topic: 'race' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => send(here(made.url), github(`{"n":${n % 2}}`))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await topicEvents('race')).toHaveLength(1);
  });

  test('a delivery that the log no longer remembers is still recognised', async () => {
    const made = await source('gh.week', { sender: 'github', secret, topic: 'week' });
    await send(here(made.url), github('{}'));
    await receptions('gh.week');
    // As after two days: the event is out of the log's sight.
    await expect
      .poll(
        async () =>
          (
            await broker.database.pool.query(
              'select from source_seen s join sources o on o.id = s.source_id where o.name = $1',
              ['gh.week'],
            )
          ).rowCount,
      )
      .toBe(1);
    await broker.database.pool.query(`delete from events where event_id = 'gh.week:d-1'`);
    expect((await send(here(made.url), github('{}'))).status).toBe(200);
    expect(await topicEvents('week')).toHaveLength(0);
  });

  test('a batch gives one event per item, each recognised for itself', async () => {
    const made = await source('sg', {
      sender: 'generic',
      secret,
      topic: 'batch.{type}',
      options: { batchField: 'items', idField: 'id', eventField: 'kind' },
    });
    const batch = (...ids: number[]) => {
      const body = JSON.stringify({ items: ids.map((id) => ({ id: `i${id}`, kind: id % 2 ? 'odd' : 'even' })) });
      return {
        method: 'POST',
        body,
        headers: { 'x-signature': createHmac('sha256', secret).update(body).digest('hex') },
      };
    };
    expect((await send(here(made.url), batch(1, 2, 3))).status).toBe(200);
    expect((await send(here(made.url), batch(2, 3, 4, 4))).status).toBe(200);
    expect(await topicEvents('batch.odd')).toHaveLength(2);
    expect(await topicEvents('batch.even')).toHaveLength(2);
    const [second] = await receptions('sg');
    expect(second).toMatchObject({ verdict: 'accepted', eventIds: ['sg:i2', 'sg:i3', 'sg:i4'] });
  });

  test('what does not verify is refused with a bare status, stored nowhere, and shown with its reason', async () => {
    const made = await source('gh.refuse', { sender: 'github', secret, topic: 'refuse' });
    const url = here(made.url);
    const signed = github('{"a":1}');
    const wrong = [
      { ...signed, body: '{"a":2}' },
      github('{"a":1}', {}, 'another secret'),
      { ...signed, headers: { ...signed.headers, 'x-hub-signature-256': '' } },
    ];
    for (const request of wrong) expect(await send(url, request)).toMatchObject({ status: 401, text: '' });
    const get = await send(url, { method: 'GET' });
    expect(get).toMatchObject({ status: 405, text: '' });
    expect(get.headers.get('allow')).toBe('POST');
    expect(await send(url, { ...signed, body: 'x'.repeat(200_000) })).toMatchObject({ status: 413, text: '' });
    expect(await topicEvents('refuse')).toHaveLength(0);
    const seen = await receptions('gh.refuse', '?verdict=refused');
    expect(seen.map(({ reason }) => reason)).toEqual([
      'too-large',
      'method',
      expect.any(String),
      'signature-mismatch',
      'signature-mismatch',
    ]);
    const { body } = await broker.call<SourceBody>('GET', '/v1/sources/gh.refuse');
    expect(body.health).toMatchObject({ lastHour: { refused: 5 }, reasons: { 'signature-mismatch': 2 } });
  });

  test('a doubled security header is refused', async () => {
    const made = await source('gh.double');
    const { body, headers } = github('{}');
    const status = await new Promise((resolve, reject) => {
      const outgoing = httpRequest(here(made.url), { method: 'POST' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on('error', reject);
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      outgoing.setHeader('x-hub-signature-256', [headers['x-hub-signature-256'], headers['x-hub-signature-256']]);
      outgoing.end(body);
    });
    expect(status).toBe(400);
  });

  test('an unknown name, a wrong token and a source that is switched off look the same', async () => {
    const made = await source('gh.off', { sender: 'github', secret, topic: 'off' });
    const url = here(made.url);
    const signed = github('{}');
    const wrongToken = url.replace(/.{4}$/, 'AAAA');
    const unknown = await send(url.replace('gh.off', 'gh.none'), signed);
    const wrong = await send(wrongToken, signed);
    const bare = await send(`${broker.url}/in/`, signed);
    await broker.call('PUT', '/v1/sources/gh.off', { sender: 'github', topic: 'off', enabled: false });
    const off = await send(url, signed);
    const looks = ({ status, text, headers }: Sent) => [status, text, [...headers.keys()].toSorted()];
    for (const other of [wrong, bare, off]) expect(looks(other)).toEqual(looks(unknown));
    expect(unknown).toMatchObject({ status: 404, text: '' });
    expect((await receptions('gh.off')).map(({ reason }) => reason)).toEqual(['disabled', 'wrong-token']);
    await broker.call('PUT', '/v1/sources/gh.off', { sender: 'github', topic: 'off' });
    expect((await send(url, signed)).status).toBe(200);
  });

  test('a compressed body is verified after decompression, and a bomb is refused', async () => {
    const made = await source('gh.gzip', { sender: 'github', secret, topic: 'gzip' });
    const signed = github('{"zipped":true}');
    const headers = { ...signed.headers, 'content-encoding': 'gzip' };
    const zipped = await send(here(made.url), { ...signed, headers, body: gzipSync(signed.body) });
    expect(zipped.status).toBe(200);
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    expect((await send(here(made.url), { ...signed, headers, body: bomb })).status).toBe(413);
    expect((await send(here(made.url), { ...signed, headers, body: 'not gzip' })).status).toBe(415);
    expect((await send(here(made.url), { ...signed, headers: { ...headers, 'content-encoding': 'br' } })).status).toBe(
      415,
    );
  });

  test('a body that is no JSON is verified and kept as it is', async () => {
    const made = await source('raw', { sender: 'generic', secret, topic: 'raw' });
    const body = Buffer.from([0, 255, 13, 10, 128]);
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    const headers = { 'content-type': 'text/plain; charset=latin1', 'x-signature': signature };
    expect((await send(here(made.url), { method: 'POST', body, headers })).status).toBe(200);
    const [event] = await topicEvents('raw');
    const detail = await broker.call<{ data_base64?: string; dataBase64?: string }>('GET', `/v1/events/${event?.id}`);
    expect(detail.text).toContain(body.toString('base64'));
  });

  test('several secrets verify while one is replaced, and the health says which are in use', async () => {
    const made = await source('gh.rotate', { sender: 'github', secrets: ['the-new-secret-of-today', secret] });
    expect((await send(here(made.url), github('{}', { 'x-github-delivery': 'r1' }))).status).toBe(200);
    const { body } = await broker.call<SourceBody>('GET', '/v1/sources/gh.rotate');
    expect(body.secrets.map(({ lastVerifiedAt }) => lastVerifiedAt === null)).toEqual([true, false]);
    await broker.call('PUT', '/v1/sources/gh.rotate', { sender: 'github', secret: 'the-new-secret-of-today' });
    expect((await send(here(made.url), github('{}', { 'x-github-delivery': 'r2' }))).status).toBe(401);
  });

  test('a new token replaces the URL, and the old one works until its grace ends', async () => {
    const made = await source('gh.token');
    const rotated = await broker.call<SourceBody>('POST', '/v1/sources/gh.token/rotate-token', { graceSeconds: 3600 });
    expect(rotated.status).toBe(200);
    expect(rotated.body.url).not.toBe(made.url);
    expect(rotated.body.oldUrlsUntil).toHaveLength(1);
    for (const url of [made.url, rotated.body.url]) {
      expect((await send(here(url), github('{}'))).status).toBe(200);
    }
    const last = await broker.call<SourceBody>('POST', '/v1/sources/gh.token/rotate-token', { graceSeconds: 0 });
    expect((await send(here(rotated.body.url), github('{}'))).status).toBe(404);
    expect((await send(here(last.body.url), github('{}'))).status).toBe(200);
  });

  test('a rotation that is repeated with its idempotency key changes nothing', async () => {
    await source('gh.idempotent');
    const options = { headers: { 'idempotency-key': 'once' } };
    const rotate = async () =>
      broker.call<SourceBody>('POST', '/v1/sources/gh.idempotent/rotate-token', { graceSeconds: 60 }, options);
    const first = await rotate();
    const again = await rotate();
    expect(again.body.url).toBe(first.body.url);
    expect(again.body.oldUrlsUntil).toHaveLength(1);
    const second = await broker.call<SourceBody>('POST', '/v1/sources/gh.idempotent/rotate-token', { graceSeconds: 0 });
    expect(await rotate()).toMatchObject({ status: 409, body: { code: 'idempotency-key-conflict' } });
    const { body } = await broker.call<SourceBody>('GET', '/v1/sources/gh.idempotent');
    expect(body.url).toBe(second.body.url);
  });

  test('a deleted source is gone with its records', async () => {
    const made = await source('gh.deleted');
    await send(here(made.url), github('{}'));
    await receptions('gh.deleted');
    expect((await broker.call('DELETE', '/v1/sources/gh.deleted')).status).toBe(204);
    expect((await send(here(made.url), github('{}'))).status).toBe(404);
    expect((await broker.call('DELETE', '/v1/sources/gh.deleted')).status).toBe(404);
    const { rowCount } = await broker.database.pool.query(
      'select from source_receptions r where not exists (select from sources where id = r.source_id)',
    );
    expect(rowCount).toBe(0);
  });

  test('neither tokens nor secrets nor payloads are logged', async () => {
    const made = await source('gh.log');
    const url = here(made.url);
    await send(url, github('{"payload":"never-in-a-log"}'));
    await send(url, { ...github('{}'), body: 'tampered never-in-a-log' });
    await send(`${url}x`, github('{}'));
    const lines = broker.lines.filter((line) => line.includes('source.received') && line.includes('gh.log'));
    expect(lines.map((line) => (JSON.parse(line) as { verdict: string }).verdict)).toEqual([
      'accepted',
      'refused',
      'refused',
    ]);
    const token = url.split('/').at(-1) ?? '';
    const all = broker.lines.join('\n');
    for (const text of [token, secret, 'never-in-a-log']) expect(all).not.toContain(text);
  });
});

describe('handshakes', () => {
  test('a challenge is echoed as plain text that no browser takes for a page', async () => {
    const made = await source('box', { sender: 'dropbox', secret });
    const answer = await send(`${here(made.url)}?challenge=%3Cb%3Ehi`, { method: 'GET' });
    expect(answer).toMatchObject({ status: 200, text: '<b>hi' });
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await receptions('box')).toMatchObject([{ verdict: 'handshake', eventIds: [] }]);
  });

  test('HEAD is answered without a body (Trello)', async () => {
    const made = await source('cards', { sender: 'trello', secret });
    expect(await send(here(made.url), { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  test('the URL that a sender signs is the one handed out', async () => {
    const made = await source('cards.signed', { sender: 'trello', secret });
    const config: SourceConfig = { sender: 'trello', secrets: [secret], callbackUrl: made.url ?? '' };
    const body = '{"action":{"id":"a1","type":"createCard"}}';
    const signed = sign({ body }, config, new Date());
    const headers = Object.fromEntries(signed.headers);
    expect((await send(here(made.url), { method: 'POST', headers, body })).status).toBe(200);
  });
});

describe('operations', () => {
  test('a delivery is sent into the bus once more under a new id', async () => {
    const made = await source('gh.republish', { sender: 'github', secret, topic: 'republish' });
    await send(here(made.url), github('{"again":true}'));
    const [reception] = await receptions('gh.republish');
    const path = `/v1/sources/gh.republish/receptions/${reception?.id}/republish`;
    const again: Answer<{ events: { id: string; topic: string; copyOf: string }[] }> = await broker.call('POST', path);
    expect(again).toMatchObject({
      status: 200,
      body: { events: [{ topic: 'republish', copyOf: 'gh.republish:d-1' }] },
    });
    const events = await topicEvents('republish');
    expect(events).toHaveLength(2);
    expect(events.map(({ data }) => data)).toEqual([{ again: true }, { again: true }]);
    const options = { headers: { 'idempotency-key': 'one-more' } };
    for (let call = 0; call < 2; call += 1) await broker.call('POST', path, undefined, options);
    expect(await topicEvents('republish')).toHaveLength(3);
  });

  test('only a request that left an event can be sent again', async () => {
    const made = await source('gh.nothing');
    await send(here(made.url), { ...github('{}'), body: 'tampered' });
    const [reception] = await receptions('gh.nothing');
    const republish = async (id: string) => broker.call('POST', `/v1/sources/gh.nothing/receptions/${id}/republish`);
    expect(await republish(reception?.id ?? '')).toMatchObject({
      status: 409,
      body: { code: 'reception-without-event' },
    });
    expect(await republish('none')).toMatchObject({ status: 404, body: { code: 'reception-not-found' } });
  });

  test('raw requests are kept on demand, bounded and redacted', async () => {
    const made = await source('gh.capture');
    const url = here(made.url);
    await broker.call('POST', '/v1/sources/gh.capture/capture', { requests: 2, seconds: 60 });
    const headers = { authorization: 'Bearer very-secret', cookie: 'session=1', 'x-plain': 'shown' };
    for (let n = 0; n < 4; n += 1) {
      await send(`${url}?access_token=abc&page=${n}`, github(`{"echo":"${secret}"}`, headers, 'wrong'));
    }
    interface CaptureBody {
      url: string;
      headers: [string, string][];
      bodyBase64: string;
      reason: string;
    }
    const { body, text } = await broker.call<{ items: CaptureBody[] }>('GET', '/v1/sources/gh.capture/captures');
    expect(body.items).toHaveLength(2);
    const [one] = body.items;
    expect(one).toMatchObject({
      reason: 'signature-mismatch',
      url: '/in/gh.capture/‹removed›?access_token=‹removed›&page=1',
    });
    const shown = new Map(one?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    expect(shown.get('x-plain')).toBe('shown');
    expect(shown.get('authorization')).toBe('Bearer ‹removed› (18 characters)');
    expect(shown.get('x-hub-signature-256')).toMatch(/^sha256=‹64 characters, [0-9a-f]{8}›$/);
    expect(Buffer.from(one?.bodyBase64 ?? '', 'base64').toString()).toBe('{"echo":"‹removed›"}');
    for (const hidden of ['very-secret', 'session=1', secret, url.split('/').at(-1) ?? ''])
      expect(text).not.toContain(hidden);
    await broker.call('POST', '/v1/sources/gh.capture/capture', { requests: 0 });
    const after = await broker.call<{ items: unknown[] }>('GET', '/v1/sources/gh.capture/captures');
    expect(after.body.items).toEqual([]);
  });

  test('a flood of one kind does not push the other out of the history, which stays bounded', async () => {
    const made = await source('gh.flood');
    await send(here(made.url), { ...github('{}'), body: 'tampered' });
    await receptions('gh.flood');
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(Array.from({ length: 60 }, async () => send(here(made.url), github('{}'))));
      await receptions('gh.flood');
    }
    const { rows } = await broker.database.pool.query<{ verdict: string; count: string }>(
      `select verdict, count(*) from source_receptions r join sources s on s.id = r.source_id
       where s.name = 'gh.flood' group by 1 order by 1`,
    );
    const counts = new Map(rows.map(({ verdict, count }) => [verdict, Number(count)]));
    expect(counts.get('refused')).toBe(1);
    expect((counts.get('accepted') ?? 0) + (counts.get('duplicate') ?? 0)).toBe(200);
    const { body } = await broker.call<SourceBody>('GET', '/v1/sources/gh.flood');
    expect(body.health.lastHour).toMatchObject({ accepted: 1, duplicate: 299, refused: 1 });
    const page = await broker.call<{ items: Reception[]; nextCursor: string | null }>(
      'GET',
      '/v1/sources/gh.flood/receptions?limit=150',
    );
    const rest = await broker.call<{ items: Reception[] }>(
      'GET',
      `/v1/sources/gh.flood/receptions?limit=150&cursor=${page.body.nextCursor}`,
    );
    expect(page.body.items.length + rest.body.items.length).toBe(201);
  });
});
