import { generateSecret } from '@hookcast/protocol';
import type { HookReply, TestBus, TestHook } from '@hookcast/publisher/testing';
import { until } from './until.js';

/** What every example of a framework has to do, told by what it prints: take what is signed, in every format, and only that. */
export async function expectsOnlySigned(bus: TestBus, hook: TestHook, printed: () => string): Promise<void> {
  for (const format of ['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const) {
    const reply: HookReply = await bus.deliver(hook, 'orders.created', { text: 'à la carte' }, { id: format, format });
    expect(reply).toEqual({ status: 204, verdict: 'ok', body: '' });
    await until(() => printed().includes(`billed orders.created ${format} {"text":"à la carte"}`), {
      what: 'the bill',
    });
  }
  const forged = await bus.deliver(hook, 'orders.created', {}, { id: 'forged', secret: generateSecret() });
  expect(forged.status).toBe(401);
  expect(printed()).not.toContain('forged');
}

/** The handshake of a broker. */
export const handshake = { method: 'OPTIONS', headers: { 'webhook-request-origin': 'broker.test' } };

/** A function of a `Request` as a hook. */
export const webHook = (answer: (request: Request) => Promise<Response>): TestHook => ({
  handle: async ({ method, headers, body }) => {
    const response = await answer(new Request('http://billing/hooks', { method, headers, body }));
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  },
});
