import { loadConfig } from '../../apps/broker/src/config.js';
import { testBroker, type TestBroker } from '../support/app.js';

/* One test for each published weakness of HTTP stacks and first runs that could be ours, named after it. */
let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_MAX_BODY_BYTES: '2048' } });
});
afterAll(async () => {
  await broker?.close();
});

test.each(['1mb', '1e3', '-1', 'NaN', '0x1000'])(
  'CVE-2026-12590 (body-parser): a limit that cannot be read stops the start instead of counting as none: %s',
  (limit) => {
    expect(loadConfig({ HOOKCAST_MAX_BODY_BYTES: limit })).toMatchObject({ kind: 'bad' });
  },
);

test('CVE-2026-12590 (body-parser): a body over the limit is refused', async () => {
  const answer = await broker.call('POST', '/v1/keys', { name: 'x'.repeat(4096), scopes: ['read'] });
  expect(answer.status).toBe(413);
});

test.each(['CVE-2025-15284', 'CVE-2026-2391'])('%s (qs): brackets and commas in a query make nothing', async () => {
  for (const query of [`limit${'[]'.repeat(1000)}=1`, 'limit[]=1&limit[]=2', 'limit=1,2', '__proto__[limit]=1'])
    expect((await broker.call('GET', `/v1/topics?${query}`)).status).toBe(422);
});

test('CVE-2026-50160 (Hoppscotch): nothing is open before the first key, and unknown fields set nothing', async () => {
  const body = { name: 'k', scopes: ['read'] };
  expect((await broker.call('POST', '/v1/keys', body, { authorization: undefined })).status).toBe(401);
  expect((await broker.call('POST', '/v1/keys', { ...body, id: 'admin', hash: 'x' })).status).toBe(422);
});

test('CVE-2025-13466 (body-parser): a form of very many fields takes no time to speak of', async () => {
  const fields = Array.from({ length: 100_000 }, (_, index) => `a${index}=`).join('&');
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const login = await broker.call('POST', '/session', fields, { headers: form });
  expect(login.status).toBe(413);
  // A sender's form, which is read before its signature can be checked.
  const options = { secret: 'a-secret-of-mine-0123' };
  const source = await broker.call<{ url: string }>('PUT', '/v1/sources/phone', { sender: 'twilio', ...options });
  const started = performance.now();
  const headers = { ...form, 'x-twilio-signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' };
  const answer = await broker.call('POST', new URL(source.body.url).pathname, fields, { headers });
  expect(answer.status).toBe(401);
  // What it costs where it grows with the square of the fields: minutes.
  expect(performance.now() - started).toBeLessThan(20_000);
});

test('CVE-2026-128842 (@fastify/busboy): multipart is not parsed, neither as a request nor as data', async () => {
  const headers = { 'content-type': `multipart/form-data; boundary=${'-'.repeat(70)}` };
  const body = `--${'-'.repeat(70)}\r\ncontent-disposition: form-data; name="__proto__"\r\n\r\n`.repeat(8);
  for (const path of ['/v1/keys', '/session']) {
    const answer = await broker.call('POST', path, body, { headers });
    expect([path, answer.status]).toEqual([path, 415]);
  }
  const published = await broker.call<{ id: string }>('POST', '/v1/topics/forms/events', body, { headers });
  expect(published.status).toBe(201);
  const event = await broker.call<{ data?: string; dataBase64?: string }>('GET', `/v1/events/${published.body.id}`);
  expect(event.text).toContain(Buffer.from(body).toString('base64'));
});
