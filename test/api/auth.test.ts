import { ModulesContainer, Reflector } from '@nestjs/core';
import { Admission } from '../../apps/broker/src/auth/admission.js';
import { OpenAnswers } from '../../apps/broker/src/auth/open-answers.js';
import { RefusedRequests } from '../../apps/broker/src/auth/refused-requests.js';
import { ScopeGuard } from '../../apps/broker/src/auth/scope.guard.js';
import { scopeMetadata } from '../../apps/broker/src/auth/scope.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

interface Handler {
  name: string;
  scope: unknown;
}

/** Every method of every controller that Nest made a route of. */
function handlers(): Handler[] {
  const modules = [...broker.app.get(ModulesContainer).values()];
  return modules.flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => {
      const prototype: unknown = metatype?.prototype;
      if (typeof prototype !== 'object' || prototype === null || metatype === null) return [];
      const methods = Object.getOwnPropertyNames(prototype).map(
        (name) => [name, Reflect.get(prototype, name)] as const,
      );
      return methods
        .filter(([name, method]) => name !== 'constructor' && typeof method === 'function')
        .filter(([, method]) => Reflect.getMetadata('path', method) !== undefined)
        .map(([name, method]) => ({
          name: `${metatype.name}.${name}`,
          scope: Reflect.getMetadata(scopeMetadata, method) ?? Reflect.getMetadata(scopeMetadata, metatype),
        }));
    }),
  );
}

test('every route declares who may use it', () => {
  const all = handlers();
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter(({ scope }) => scope === undefined)).toEqual([]);
});

test('only what shows nothing is public', () => {
  const open = handlers().filter(({ scope }) => scope === 'public');
  expect(open.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'HealthController.live',
    'HealthController.ready',
    'PageController.page',
    'PageController.style',
    // By a form with a key in it; they show nothing.
    'SessionController.login',
    'SessionController.logout',
    'SigningKeysController.keys',
  ]);
});

interface Operation {
  method: string;
  path: string;
}

async function operations(): Promise<Operation[]> {
  const { body } = await broker.call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/openapi.json');
  return Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x') })),
  );
}

test.each([
  ['no key', undefined],
  ['a wrong key', `Bearer ${adminKey.replace('0', '1')}`],
  ['a part of the key', `Bearer ${adminKey.slice(0, -1)}`],
  ['more than the key', `Bearer ${adminKey}x`],
  ['an empty key', 'Bearer '],
  ['another scheme', `Basic ${Buffer.from(`admin:${adminKey}`).toString('base64')}`],
  ['the bare key', adminKey],
])('with %s every operation under /v1 is refused', async (_, authorization) => {
  const all = (await operations()).filter(({ path }) => path.startsWith('/v1'));
  expect(all.length).toBeGreaterThan(20);
  for (const { method, path } of all) {
    const answer = await broker.call(method, path, method === 'GET' ? undefined : {}, { authorization });
    expect({ path, status: answer.status }).toEqual({ path, status: 401 });
    expect(answer.body).toMatchObject({ code: 'unauthenticated' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="hookcast"');
  }
});

test('the scheme is not case-sensitive', async () => {
  const options = { authorization: `bearer ${adminKey}` };
  expect((await broker.call('GET', '/v1/topics', undefined, options)).status).toBe(200);
});

test('without a key no body is read', async () => {
  const options = { authorization: undefined, headers: { 'content-type': 'application/json' } };
  const huge = 'x'.repeat(10 * 1024 * 1024);
  expect((await broker.call('PUT', '/v1/topics/a', huge, options)).status).toBe(401);
  expect((await broker.call('POST', '/v1/topics/a/events', huge, options)).status).toBe(401);
});

test('a route that declares nothing is refused even to the admin key', () => {
  const guard = new ScopeGuard(
    broker.app.get(Reflector),
    broker.app.get(Admission, { strict: false }),
    broker.app.get(RefusedRequests, { strict: false }),
    broker.app.get(OpenAnswers, { strict: false }),
  );
  const request = { headers: { authorization: `Bearer ${adminKey}` }, method: 'GET', socket: {}, params: {} };
  const context = {
    getHandler: () => () => {},
    getClass: () => Object,
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ getHeader: () => 'r' }) }),
  };
  expect(() => guard.canActivate(context as never)).toThrow(expect.objectContaining({ code: 'forbidden' }));
});

test('the key and the secrets of a whole run are in no log line', async () => {
  await broker.call('PUT', '/v1/subscriptions/s', { topics: ['a'], url: 'http://127.0.0.1:3000/' });
  await broker.call('GET', '/v1/topics?limit=x');
  const log = broker.lines.join('');
  expect(log).not.toContain(adminKey);
  expect(log).not.toMatch(/whsec_[A-Za-z0-9+/]{8}/);
});
