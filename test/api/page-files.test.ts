import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { BuiltPage } from '../../apps/broker/src/page/built-page.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { builtDashboard } from '../support/built-dashboard.js';
import { pageLogin } from '../support/page-login.js';

let broker: TestBroker;
beforeAll(async () => {
  await builtDashboard();
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

/** As it comes over the wire: fetch would decode it. */
async function raw(path: string, coding?: string) {
  return new Promise<{ status: number | undefined; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      const headers = coding === undefined ? {} : { 'accept-encoding': coding };
      const asked = request(`${broker.url}${path}`, { headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      });
      asked.on('error', reject);
      asked.end();
    },
  );
}

async function filesOfPage(): Promise<string[]> {
  const { cookie } = await pageLogin(broker, adminKey);
  const page = await (await fetch(`${broker.url}/`, { headers: { cookie } })).text();
  return [...page.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, file]) => `/${file}`);
}

test('the page loads a script and a style sheet with hashed names, which browsers keep for ever', async () => {
  const files = await filesOfPage();
  expect(files.map((file) => file.replace(/^\/assets\/main-[\w-]{8}/, ''))).toEqual(['.css', '.js']);
  for (const file of files) {
    const { status, headers } = await raw(file);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': file.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    });
  }
});

test('files come compressed to whoever takes it, with the same bytes, and the script is small', async () => {
  const script = (await filesOfPage()).find((file) => file.endsWith('.js')) ?? '';
  const plain = await raw(script);
  const [br, gzip] = [await raw(script, 'gzip, deflate, br'), await raw(script, 'gzip')];
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect([br.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip']);
  expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  expect(gzip.body.length).toBeLessThan(120_000);
  expect((await raw(script, 'br;q=0, gzip;q=0')).headers['content-encoding']).toBeUndefined();
});

test('nothing but files of the build is served', async () => {
  for (const name of ['none.js', '..%2f..%2fpackage.json', '%2e%2e%2f.vite%2fmanifest.json', 'main.map', '.js'])
    expect(await raw(`/assets/${name}`), name).toMatchObject({ status: 404 });
});

test('where it was not built, there are no files, and the page says how to build it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-page-'));
  try {
    expect(await new BuiltPage(folder).files()).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
