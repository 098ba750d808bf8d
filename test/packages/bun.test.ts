import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestBus } from '@hookcast/publisher/testing';
import { freePort } from '../support/broker.js';
import { expectsOnlySigned, handshake } from '../support/framework-hook.js';
import { until } from '../support/until.js';
import { quiet, root, run } from './packed.js';

const folder = join(root, 'test/packages/bun');

/** The program for this machine, installed apart: it is large and serves one test. */
async function installedBun(): Promise<string> {
  const installed = join(folder, 'node_modules/@oven');
  if (!existsSync(installed)) await run('npm', ['ci', ...quiet], folder);
  const [name = 'none'] = readdirSync(installed);
  return join(installed, name, 'bin/bun');
}

const isListening = async (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

test('the example for Bun takes what is signed, and only that, on Bun', async () => {
  const bus = createTestBus();
  const port = await freePort();
  // Bun would keep what it has read under HOME.
  const cache = { BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' };
  const env = { PATH: process.env['PATH'], ...cache, HOOKCAST_SECRET: bus.secret, PORT: String(port) };
  const program = join(root, 'examples/frameworks/dist/bun.js');
  const service = spawn(await installedBun(), ['--no-install', program], { env, cwd: root });
  const exited = once(service, 'exit');
  let lines = '';
  for (const stream of [service.stdout, service.stderr])
    stream.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  try {
    const url = `http://127.0.0.1:${port}/hooks`;
    await until(async () => service.exitCode !== null || (await isListening(url)), { timeoutMs: 30_000 });
    expect(service.exitCode, lines).toBeNull();
    await expectsOnlySigned(bus, url, () => lines);
    expect((await fetch(url, handshake)).headers.get('webhook-allowed-origin')).toBe('broker.test');
  } finally {
    service.kill('SIGTERM');
    await exited;
  }
});
