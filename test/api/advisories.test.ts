import { generateSecret, verify } from '@hookcast/protocol';
import { loadConfig } from '../../apps/broker/src/config.js';
import { testBroker, type TestBroker } from '../support/app.js';

/* One test for each published weakness of HTTP stacks, first runs and signature checks that could be ours, named after it. */
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

test.each(['CVE-2024-21491', 'CVE-2025-53548'])(
  '%s (svix, Clerk): a signature that is empty, cut short or of no known kind is refused',
  () => {
    const now = new Date();
    const headers = { 'webhook-id': 'e', 'webhook-timestamp': String(Math.floor(now.getTime() / 1000)) };
    for (const signature of ['v1,', 'v1', '', 'v1,AA==', 'v0,AA==', 'v1a,', ','])
      expect(
        verify(
          { headers: { ...headers, 'webhook-signature': signature }, body: Buffer.from('{}') },
          { secrets: [generateSecret()] },
          { now },
        ),
      ).toMatchObject({ kind: 'refused' });
  },
);

test('CVE-2026-86080 (n8n): a source without its secret is refused, so that no check can fail open', async () => {
  expect((await broker.call('PUT', '/v1/sources/open', { sender: 'github' })).status).toBe(422);
  expect((await broker.call('GET', '/v1/sources/open')).status).toBe(404);
});
