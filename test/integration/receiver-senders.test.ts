import type { AddressInfo } from 'node:net';
import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { All, Body, Controller, HttpException, Injectable, Module, Param, Post, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import { FromSender, SenderItems, type FollowUp, type ReceivedItem } from '@hookcast/receiver/nest-senders';
import {
  confirmSubscription,
  SenderRequestError,
  sign,
  verifyFrom,
  type RawRequest,
  type SourceConfig,
} from '@hookcast/receiver/senders';
import { readFileSync } from 'node:fs';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** `type id` of each event that reached a handler. */
let seen: string[] = [];
let bodies: string[] = [];
const followUps: FollowUp[] = [];
beforeEach(() => {
  seen = [];
  bodies = [];
  followUps.length = 0;
});

function note(items: readonly ReceivedItem[]): void {
  seen.push(...items.map(({ eventType, deliveryId }) => `${eventType} ${deliveryId}`));
  bodies.push(...items.map(({ data }) => data.toString()));
}

interface Vector {
  valid: boolean;
  kind: string;
  name: string;
  certPem: string;
  headers: Record<string, string>;
  bodyBase64: string;
}

const snsVectors = JSON.parse(
  readFileSync(new URL('../../libs/sources/vectors/aws-sns.json', import.meta.url), 'utf8'),
) as Vector[];
const snsVector = (name: string) => {
  const vector = snsVectors.find((one) => one.name === name);
  if (vector === undefined) throw new Error(`no vector ${name}`);
  const text = Buffer.from(vector.bodyBase64, 'base64').toString();
  return { ...vector, text, topicArn: (JSON.parse(text) as { TopicArn: string }).TopicArn };
};
const discord = generateKeyPairSync('ed25519');
const discordKey = discord.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');

const confirmation = snsVector('own: SubscriptionConfirmation v2');

const dropboxSecret = 'app secret';
const stripeOptions = { secrets: ['whsec_stripe'] };

@Injectable()
class Secrets {
  readonly github = 'out of the configuration';
}

const inbox = { add: async (id: string, type: string, data: Buffer) => void seen.push(`${type} ${id} ${data.length}`) };

// #region README
@Controller('webhooks')
export class Webhooks {
  @Post('github')
  @FromSender('github', { inject: [Secrets], useFactory: ({ github }: Secrets) => ({ secrets: [github] }) })
  async onGitHub(@SenderItems() items: readonly ReceivedItem[]) {
    for (const { deliveryId, eventType, data } of items) await inbox.add(deliveryId, eventType, data);
  }

  @All('dropbox')
  @FromSender('dropbox', { secrets: [dropboxSecret] })
  async onDropbox(@SenderItems() items: readonly ReceivedItem[]) {
    for (const { deliveryId, eventType, data } of items) await inbox.add(deliveryId, eventType, data);
  }
}
// #endregion

@Controller('in')
class Inbox {
  @Post('github')
  @FromSender('github', { inject: [Secrets], useFactory: async (secrets: Secrets) => ({ secrets: [secrets.github] }) })
  github(@SenderItems() items: readonly ReceivedItem[]): void {
    note(items);
    if (items.some(({ eventType }) => eventType === 'issues.deleted')) throw new HttpException('not now', 503);
  }

  @All('dropbox/:account')
  @FromSender('dropbox', { secrets: ['app secret'] })
  dropbox(@SenderItems() items: readonly ReceivedItem[], @Param('account') account: string): void {
    note(items);
    seen.push(account);
  }

  @Post('slack')
  @FromSender('slack', { secrets: ['signing secret'] })
  slack(@SenderItems() items: readonly ReceivedItem[]): { text: string } | undefined {
    note(items);
    return items.some(({ eventType }) => eventType === '/weather') ? { text: 'It rains.' } : undefined;
  }

  @Post('twilio')
  @FromSender('twilio', { secrets: ['token'], callbackUrl: 'https://api.example.com/in/twilio' })
  twilio(@SenderItems() items: readonly ReceivedItem[]): void {
    note(items);
  }

  @Post('discord')
  @FromSender('discord', { publicKeys: [discordKey] })
  discord(@SenderItems() items: readonly ReceivedItem[]): void {
    note(items);
  }

  @Post('sns')
  @FromSender('aws-sns', {
    params: { topicArn: confirmation.topicArn },
    certificate: async () => confirmation.certPem,
    onFollowUp: (what) => followUps.push(what),
  })
  sns(@SenderItems() items: readonly ReceivedItem[]): void {
    note(items);
  }
}

function moduleOf(controller: Type): Type {
  @Module({ controllers: [controller], providers: [Secrets] })
  class AppModule {}
  return AppModule;
}

/** What applications stand on; tests that say nothing are about Express. */
const adapters = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };
let adapter: keyof typeof adapters = 'express';
afterEach(() => void (adapter = 'express'));

async function start(
  controller: Type = Inbox,
  options: { rawBody?: boolean } = { rawBody: adapter === 'express' },
): Promise<string> {
  const all = { logger: false, abortOnError: false, ...options } as const;
  const app = await NestFactory.create(moduleOf(controller), adapters[adapter](), all);
  open.push(app);
  await app.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

async function send(url: string, { method, headers, body }: RawRequest): Promise<Response> {
  return fetch(url, {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    ...(method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
  });
}

const answerTo = async (url: string, request: RawRequest) => {
  const response = await send(url, request);
  return { status: response.status, body: await response.text() };
};

const github: SourceConfig = { sender: 'github', secrets: ['out of the configuration'] };
const issue = (action: string, id: string, source = github) =>
  sign(
    { body: `{ "action": "${action}", "id": 12345678901234567890 }`, headers: githubHeaders(id) },
    source,
    new Date(),
  );
const githubHeaders = (id: string) => ({ 'X-GitHub-Event': 'issues', 'X-GitHub-Delivery': id });

describe.each(['express', 'fastify'] as const)('a handler behind @FromSender on %s', (which) => {
  beforeEach(() => void (adapter = which));

  test('gets the verified events with their exact bytes', async () => {
    const url = `${await start()}/in/github`;
    expect(await answerTo(url, issue('opened', 'a'))).toEqual({ status: 200, body: '' });
    expect(seen).toEqual(['issues.opened a']);
    expect(bodies).toEqual(['{ "action": "opened", "id": 12345678901234567890 }']);
  });

  test('is not called for a forged request, and the answer says nothing', async () => {
    const url = `${await start()}/in/github`;
    const forged = issue('opened', 'a', { ...github, secrets: ['guessed'] });
    const genuine = issue('opened', 'a');
    const doubled = { ...genuine, headers: [...genuine.headers, ...genuine.headers.slice(-1)] };
    expect(await answerTo(url, forged)).toEqual({ status: 401, body: '' });
    expect(await answerTo(url, { ...genuine, body: Buffer.from('{"action":"opened"}') })).toMatchObject({
      status: 401,
    });
    expect((await answerTo(url, doubled)).status).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([]);
  });

  test('makes the sender try again by throwing', async () => {
    const url = `${await start()}/in/github`;
    expect((await send(url, issue('deleted', 'a'))).status).toBe(503);
    expect(seen).toEqual(['issues.deleted a']);
  });

  test('is not called for a ping', async () => {
    const url = `${await start()}/in/github`;
    const ping = sign(
      { body: '{"zen":"Design for failure."}', headers: { 'X-GitHub-Event': 'ping' } },
      github,
      new Date(),
    );
    expect((await send(url, ping)).status).toBe(200);
    expect(seen).toEqual([]);
  });

  test('takes a compressed body', async () => {
    const url = `${await start()}/in/github`;
    const { method, headers, body } = issue('opened', 'a');
    const request = {
      method,
      url: '/',
      headers: [...headers, ['content-encoding', 'gzip'] as const],
      body: gzipSync(body),
    };
    expect((await send(url, request)).status).toBe(200);
    expect(seen).toEqual(['issues.opened a']);
  });

  test('takes content types that no parser of the application knows', async () => {
    const url = `${await start()}/in/github`;
    const { headers, ...rest } = issue('opened', 'a');
    const others = headers.filter(([name]) => name !== 'content-type');
    const request = { ...rest, headers: [...others, ['content-type', 'text/plain; charset=UTF-8'] as const] };
    expect((await send(url, request)).status).toBe(200);
    expect(seen).toEqual(['issues.opened a']);
  });

  test('has GET handshakes answered on its route, plain and not sniffed', async () => {
    const url = `${await start()}/in/dropbox/acme`;
    const response = await fetch(`${url}?challenge=%3Cb%3Ehi`);
    expect(await response.text()).toBe('<b>hi');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(seen).toEqual([]);
    const change = sign(
      { body: '{"list_folder":{"accounts":["1"]}}' },
      { sender: 'dropbox', secrets: ['app secret'] },
      new Date(),
    );
    expect((await send(url, change)).status).toBe(200);
    expect(seen).toEqual([expect.stringMatching(/./), 'acme']);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405);
  });

  test('has a signed challenge answered, and may answer by itself', async () => {
    const url = `${await start()}/in/slack`;
    const source = { sender: 'slack', secrets: ['signing secret'] };
    const challenge = sign({ body: '{"type":"url_verification","challenge":"c-1"}' }, source, new Date());
    expect(await answerTo(url, challenge)).toEqual({ status: 200, body: 'c-1' });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const command = sign({ body: 'command=%2Fweather&text=94070&trigger_id=t1', headers }, source, new Date());
    expect(await answerTo(url, command)).toEqual({ status: 200, body: '{"text":"It rains."}' });
    expect(seen).toEqual(['/weather t1']);
  });

  test('leaves the answer that the sender expects to it', async () => {
    const url = `${await start()}/in/twilio`;
    const source = { sender: 'twilio', secrets: ['token'], callbackUrl: 'https://api.example.com/in/twilio' };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const request = sign({ body: 'MessageSid=SM1&Body=hi&From=%2B49', headers }, source, new Date());
    const response = await send(url, request);
    expect([response.status, await response.text()]).toEqual([200, '<Response/>']);
    expect(response.headers.get('content-type')).toMatch(/^text\/xml/);
    expect(seen).toHaveLength(1);
  });

  test('leaves another status than 200 to it too', async () => {
    const url = `${await start()}/in/discord`;
    const body = Buffer.from('{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}');
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = signBytes(null, Buffer.concat([Buffer.from(timestamp), body]), discord.privateKey).toString(
      'hex',
    );
    const headers = Object.entries({ 'x-signature-ed25519': signature, 'x-signature-timestamp': timestamp });
    const request = {
      method: 'POST',
      url: '/',
      headers: [...headers, ['content-type', 'application/json'] as const],
      body,
    };
    expect(await answerTo(url, request)).toEqual({ status: 204, body: '' });
    expect(seen).toHaveLength(1);
    expect((await send(url, { ...request, body: Buffer.from(`${body.toString()} `) })).status).toBe(401);
  });

  test('has subscriptions confirmed once their signature is verified', async () => {
    const url = `${await start()}/in/sns`;
    const headers = Object.entries(confirmation.headers);
    const request = { method: 'POST', url: '/', headers, body: Buffer.from(confirmation.text) };
    const forged = { ...request, body: Buffer.from(confirmation.text.replace('"Token":"', '"Token":"x')) };
    expect((await send(url, forged)).status).toBe(401);
    expect(followUps).toEqual([]);
    expect((await send(url, request)).status).toBe(200);
    expect(followUps).toMatchObject([{ kind: 'confirm', url: expect.stringContaining('amazonaws.com') }]);
  });
});

test('an application on Fastify needs no setting, and reads no more than a handler allows', async () => {
  @Controller('in')
  class Small {
    @Post('small')
    @FromSender('github', { secrets: github.secrets, maxBodyBytes: 100 })
    take(@SenderItems() items: readonly ReceivedItem[]): void {
      note(items);
    }

    @Post('parsed')
    parsed(@Body() body: object): object {
      return body;
    }
  }
  adapter = 'fastify';
  const url = `${await start(Small)}/in`;
  expect((await send(`${url}/small`, issue('opened', 'a'))).status).toBe(200);
  const large = sign(
    { body: JSON.stringify({ action: 'x'.repeat(200) }), headers: githubHeaders('b') },
    github,
    new Date(),
  );
  expect((await send(`${url}/small`, large)).status).toBe(413);
  expect(seen).toEqual(['issues.opened a']);
  const others = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":1}' };
  expect(await (await fetch(`${url}/parsed`, others)).json()).toEqual({ n: 1 });
});

test('an application on another adapter does not start, and is told why', async () => {
  class Other extends ExpressAdapter {
    override getType(): string {
      return 'other';
    }
  }
  const app = await NestFactory.create(moduleOf(Inbox), new Other(), { logger: false, abortOnError: false });
  open.push(app);
  await expect(app.init()).rejects.toThrow('@FromSender needs @nestjs/platform-express or -fastify, not other');
});

test('an application that keeps no raw bytes answers 500, so that nothing is taken for refused', async () => {
  const url = `${await start(Inbox, {})}/in/github`;
  expect(await answerTo(url, issue('opened', 'a'))).toEqual({ status: 500, body: '' });
});

test('an application with a sender that it could not verify does not start', async () => {
  @Controller()
  class Forgetful {
    @Post()
    @FromSender('stripe', { secrets: [] })
    stripe(): void {}
  }
  await expect(start(Forgetful)).rejects.toThrow(/stripe cannot be verified: \/secrets/);
});

test('a parameter without its guard is a mistake', async () => {
  @Controller()
  class Unguarded {
    @Post()
    take(@SenderItems() items: readonly ReceivedItem[]): void {
      note(items);
    }
  }
  expect((await fetch(await start(Unguarded), { method: 'POST' })).status).toBe(500);
  expect(seen).toEqual([]);
});

describe('confirmSubscription', () => {
  test('is one GET, and fails when the sender does not answer 2xx itself', async () => {
    const asked: string[] = [];
    const app = express().use(({ method, url }, response) => {
      asked.push(`${method} ${url}`);
      const status = Number(url.slice(1, 4));
      response.status(status).set('location', '/200').end();
    });
    const url = await listen(app);
    await confirmSubscription(`${url}/200?Token=t`);
    for (const status of [302, 403, 500])
      await expect(confirmSubscription(`${url}/${status}`)).rejects.toThrow(/answered|fetch failed/);
    expect(asked).toEqual(['GET /200?Token=t', 'GET /302', 'GET /403', 'GET /500']);
  });
});

async function listen(handler: express.Express): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: async () => new Promise((resolve) => server.close(resolve)) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('without a framework', () => {
  const answer = async (request: express.Request, response: express.Response) => {
    try {
      const { items, response: expected } = await verifyFrom('github', request, github);
      note(items);
      response.status(expected.status).set(expected.headers).end(expected.body);
    } catch (error) {
      if (!(error instanceof SenderRequestError)) throw error;
      response.status(error.status).end();
    }
  };

  test.each([
    ['reads the body itself', express()],
    ['takes the bytes of express.raw', express().use(express.raw({ type: () => true }))],
    [
      'takes the bytes that a parser was told to keep',
      express().use(express.json({ verify: (request, _, bytes) => Object.assign(request, { rawBody: bytes }) })),
    ],
  ])('verifyFrom %s', async (_, app) => {
    const router = express.Router().post('/github', answer);
    const url = `${await listen(app.use('/mounted', router))}/mounted/github`;
    const { method, headers, body } = issue('opened', 'b');
    const compressed = {
      method,
      url: '/',
      headers: [...headers, ['content-encoding', 'gzip'] as const],
      body: gzipSync(body),
    };
    expect((await send(url, issue('opened', 'a'))).status).toBe(200);
    expect((await send(url, compressed)).status).toBe(200);
    expect((await send(url, { ...issue('opened', 'd'), body: Buffer.from('{}') })).status).toBe(401);
    expect(seen).toEqual(['issues.opened a', 'issues.opened b']);
  });

  test('a body that was parsed away is not taken for a forgery', async () => {
    const url = await listen(express().use(express.json()).post('/', answer));
    expect((await send(url, issue('opened', 'a'))).status).toBe(500);
  });
});

describe('the README', () => {
  test('shows a controller that works', async () => {
    const url = `${await start(Webhooks)}/webhooks`;
    expect((await send(`${url}/github`, issue('opened', 'a'))).status).toBe(200);
    expect(await (await fetch(`${url}/dropbox?challenge=c`)).text()).toBe('c');
    expect(seen).toEqual(['issues.opened a 50']);
  });

  test('shows an Express route that works, and how to forge a request for a test of it', async () => {
    const app = express();
    // #region README
    app.post('/stripe', async (request, response) => {
      try {
        const { items, response: answer } = await verifyFrom('stripe', request, stripeOptions);
        for (const { deliveryId, eventType, data } of items) await inbox.add(deliveryId, eventType, data);
        response.status(answer.status).set(answer.headers).send(answer.body);
      } catch (error) {
        if (!(error instanceof SenderRequestError)) throw error;
        response.status(error.status).end();
      }
    });
    // #endregion
    const origin = await listen(app);
    // #region README
    const body = '{"id":"evt_1","type":"invoice.paid"}';
    const forged = sign({ body }, { sender: 'stripe', ...stripeOptions }, new Date());
    const { status } = await fetch(`${origin}/stripe`, {
      method: 'POST',
      body,
      headers: Object.fromEntries(forged.headers),
    });
    expect(status).toBe(200);
    // #endregion
    expect(seen).toEqual(['invoice.paid evt_1 36']);
    expect((await fetch(`${origin}/stripe`, { method: 'POST', body })).status).toBe(401);
  });
});
