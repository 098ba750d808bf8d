import { once } from 'node:events';
import { pino } from 'pino';
import type { AddressInfo, Server } from 'node:net';
import { createApp, type BrokerApp } from '../../apps/broker/src/app.js';
import { loadConfig, type Config } from '../../apps/broker/src/config.js';
import type { Clock, Runtime } from '../../apps/broker/src/runtime.js';
import { createTestDatabase, type TestDatabase } from './database.js';

export const adminKey = 'an-admin-key-for-tests-0123456789abcdef';
export const encryptionKey = Buffer.from('3d8f1a60c2b94e7786d5f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5', 'hex');

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed where the answer is JSON. */
  body: any;
}

export interface RequestOptions {
  /** Replaces or, as undefined, removes the Authorization header. */
  authorization?: string | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A broker application in this process, on a database of its own, reached over real HTTP. */
export interface TestBroker extends BrokerApp {
  url: string;
  config: Config;
  database: TestDatabase;
  /** Sends JSON for an object, bytes and text as they are. */
  call(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  /** Publishes JSON and expects a 201. */
  publish(topic: string, data: unknown, headers?: Record<string, string>): Promise<any>;
  close(): Promise<void>;
}

export interface TestBrokerOptions {
  settings?: Record<string, string>;
  clock?: Clock;
  /** Receives every log line as it would be written. */
  lines?: string[];
  database?: TestDatabase;
}

/** Starts without a delivery worker unless HOOKCAST_ROLE says otherwise: what API tests look at then holds still. */
export async function testBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const database = options.database ?? (await createTestDatabase());
  const loaded = loadConfig({
    PORT: '0',
    DATABASE_URL: database.url,
    HOOKCAST_ROLE: 'api',
    HOOKCAST_ADMIN_KEY: adminKey,
    HOOKCAST_ENCRYPTION_KEY: encryptionKey.toString('base64'),
    HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
    HOOKCAST_LOG_LEVEL: options.lines ? 'trace' : 'silent',
    ...options.settings,
  });
  if (loaded.kind === 'bad') throw new Error(loaded.errors.join('\n'));
  const { config } = loaded;
  const lines = options.lines;
  const runtime: Runtime = {
    config,
    databaseUrl: database.url,
    adminKey,
    encryptionKey,
    log: pino({ level: config.logLevel }, { write: (line: string) => void lines?.push(line) }),
    clock: options.clock ?? { now: () => new Date() },
  };
  const broker = await createApp(runtime);
  const server: Server = broker.app.getHttpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = caller(url);
  return {
    ...broker,
    url,
    config,
    database,
    call,
    publish: async (topic, data, headers = {}) => {
      const answer = await call('POST', `/v1/topics/${topic}/events`, data, { headers });
      if (answer.status !== 201) throw new Error(`publish answered ${answer.status}: ${answer.text}`);
      return answer.body;
    },
    close: async () => {
      broker.app.getHttpServer().closeAllConnections();
      await broker.app.close();
      if (!options.database) await database.drop();
    },
  };
}

function caller(url: string): TestBroker['call'] {
  return async (method, path, body, options = {}) => {
    const authorization = 'authorization' in options ? options.authorization : `Bearer ${adminKey}`;
    const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(!isRaw && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body !== undefined && { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
      ...(options.signal && { signal: options.signal }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
}
