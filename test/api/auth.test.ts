import { Body, Controller, Post, Put, Query, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { IsString } from 'class-validator';
import { Admission } from '../../apps/broker/src/auth/admission.js';
import { OpenAnswers } from '../../apps/broker/src/auth/open-answers.js';
import { RefusedRequests } from '../../apps/broker/src/auth/refused-requests.js';
import { ScopeGuard } from '../../apps/broker/src/auth/scope.guard.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { handlersIn, handlersOf, takesNoBody, uncheckedInput, type Handler } from '../support/handlers.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const handlers = (): Handler[] => handlersOf(broker.app);

test('every route declares who may use it', () => {
  const all = handlers();
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter(({ scope }) => scope === undefined)).toEqual([]);
});

test('whoever says the key in another way is told how it is said', async () => {
  const detail = async (authorization: string | undefined) =>
    (await broker.call<{ detail: string }>('GET', '/v1/topics', undefined, { authorization })).body.detail;
  expect(await detail(undefined)).toBe('There is no Authorization header.');
  for (const said of [
    adminKey,
    `Basic ${Buffer.from(`x:${adminKey}`).toString('base64')}`,
    'Bearer',
    `Key ${adminKey}`,
  ])
    expect(await detail(said)).toBe('The Authorization header is not "Bearer" and a key.');
  expect(await detail('Bearer wrong')).toBe('The API key is not valid.');
});

test('every body and every query is of a class whose rules are checked', () => {
  const faults = handlers().map((handler) => [handler.name, uncheckedInput(handler)]);
  expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
});

test('what changes something without looking at a body is known', () => {
  expect(
    handlers()
      .filter(takesNoBody)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual([
    'DeliveriesController.retry',
    'ServicesController.heartbeat',
    'SourceOperationsController.republish',
    'SubscriptionsController.pause',
    'SubscriptionsController.test',
  ]);
});

test('a field that nothing looks at is refused there too', async () => {
  await broker.call('PUT', '/v1/subscriptions/bare', { topics: ['a'], url: 'http://127.0.0.1:3000/' });
  const path = '/v1/subscriptions/bare/pause';
  const refused = await broker.call('POST', path, { untilTomorrow: true });
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/untilTomorrow' }] } });
  for (const body of [undefined, {}]) expect((await broker.call('POST', path, body)).status).toBe(200);
});

class Ruled {
  @IsString()
  name!: string;
}
class Unruled {
  name!: string;
}

@Controller('invented')
class Invented {
  @Post('ruled')
  ruled(@Body() body: Ruled): string {
    return body.name;
  }

  @Post('object')
  object(@Body() body: object): string {
    return typeof body;
  }

  @Put('unruled')
  unruled(@Body() body: Unruled): string {
    return body.name;
  }

  @Post('field')
  field(@Body('name') name: string): string {
    return name;
  }

  @Post('query')
  query(@Query() query: Record<string, string>): string {
    return String(query['name']);
  }
}

test('a body that nothing would check is found', () => {
  expect(handlersIn(Invented as Type).map((handler) => [handler.method, uncheckedInput(handler)])).toEqual([
    ['ruled', undefined],
    ['object', 'takes input of the type Object'],
    ['unruled', 'takes input of the type Unruled'],
    ['field', 'takes a field of the body past its class'],
    ['query', 'takes input of the type Object'],
  ]);
  expect(handlersIn(Invented as Type).filter(({ scope }) => scope === undefined)).toHaveLength(5);
});

test('only what shows nothing is public', () => {
  const open = handlers().filter(({ scope }) => scope === 'public');
  expect(open.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'HealthController.live',
    'HealthController.ready',
    // The code of the page, which is the same for everybody.
    'PageController.asset',
    'PageController.icon',
    'PageController.page',
    'PageController.script',
    'PageController.style',
    'PublishedKeysController.published',
    // By a form with a key in it; they show nothing.
    'SessionController.login',
    'SessionController.logout',
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

test('the description of the API does not call a key a token', async () => {
  const { body } = await broker.call<object>('GET', '/openapi.json');
  expect(body).toMatchObject({
    components: { securitySchemes: { bearer: { scheme: 'bearer', bearerFormat: 'API key' } } },
  });
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
