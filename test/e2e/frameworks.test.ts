import { createTestBus } from '@hookcast/publisher/testing';
import { expectsOnlySigned, handshake, webHook } from '../support/framework-hook.js';
import { serviceProcess } from '../support/service-process.js';

test.each(['node-http', 'express', 'fastify', 'hono'])(
  'the example for %s takes what is signed, and only that',
  async (name) => {
    const bus = createTestBus();
    const service = await serviceProcess(`frameworks/dist/${name}`, { HOOKCAST_SECRET: bus.secret });
    try {
      await service.prints('listens');
      const url = `${service.url}/hooks`;
      await expectsOnlySigned(bus, url, () => service.printed());
      expect((await fetch(url, handshake)).headers.get('webhook-allowed-origin')).toBe('broker.test');
    } finally {
      await service.stop();
    }
  },
);

type Answer = (request: Request) => Promise<Response>;

describe('the examples that are functions of a Request', () => {
  const bus = createTestBus();
  let lines = '';
  beforeAll(() => {
    vi.stubEnv('HOOKCAST_SECRET', bus.secret);
    vi.spyOn(console, 'log').mockImplementation((line: string) => void (lines += `${line}\n`));
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });
  beforeEach(() => void (lines = ''));
  afterAll(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });
  const built = (name: string) => new URL(`../../examples/frameworks/dist/${name}.js`, import.meta.url).href;

  test('the route of Next.js', async () => {
    const route = (await import(built('next-route'))) as { POST: Answer; OPTIONS: Answer; runtime: string };
    await expectsOnlySigned(bus, webHook(route.POST), () => lines);
    const answer = await route.OPTIONS(new Request('http://billing/hooks', handshake));
    expect(answer.headers.get('webhook-allowed-origin')).toBe('broker.test');
    expect(route.runtime).toBe('nodejs');
  });

  test('the program for Bun', async () => {
    const { default: program } = (await import(built('bun'))) as { default: { fetch: Answer } };
    await expectsOnlySigned(bus, webHook(program.fetch), () => lines);
    const answer = await program.fetch(new Request('http://billing/hooks', handshake));
    expect(answer.headers.get('webhook-allowed-origin')).toBe('broker.test');
    expect((await program.fetch(new Request('http://billing/elsewhere', handshake))).status).toBe(404);
  });
});
