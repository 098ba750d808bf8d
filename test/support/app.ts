import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp, type BrokerApp } from '../../apps/broker/src/app.js';
import { loadConfig, type Config } from '../../apps/broker/src/config.js';
import { createLog } from '../../apps/broker/src/logging.js';
import type { Clock, Runtime } from '../../apps/broker/src/runtime.js';
import type { HookTls } from '@hookcast/egress';
import { createTestDatabase, type TestDatabase } from './database.js';

export const adminKey = 'an-admin-key-for-tests-0123456789abcdef';
export const encryptionKey = Buffer.from('PYF2OS9yZW1hcmthYmxlIGtleSBmb3IgdGVzdHMuLiE=', 'base64');

export interface Answer<T> {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed where the answer is JSON. */
  body: T;
}

export interface RequestOptions {
  /** Replaces or, as undefined, removes the Authorization header. */
  authorization?: string | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sends JSON for an object, bytes and text as they are. */
export type Call = <T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  options?: RequestOptions,
) => Promise<Answer<T>>;

export interface Published {
  id: string;
  topic: string;
  position: string;
  duplicate: boolean;
}

/** A broker application in this process, on a database of its own, reached over real HTTP. */
export interface TestBroker extends BrokerApp {
  url: string;
  config: Config;
  database: TestDatabase;
  /** Every log line so far. */
  lines: string[];
  call: Call;
  /** Publishes JSON and expects a 201. */
  publish(topic: string, data: unknown, headers?: Record<string, string>): Promise<Published>;
  close(): Promise<void>;
}

export interface TestBrokerOptions {
  settings?: Record<string, string>;
  clock?: Clock;
  /** What requests to senders trust. */
  sendersTls?: HookTls;
  database?: TestDatabase;
}

/** Starts without a delivery worker unless HOOKCAST_ROLE says otherwise: what API tests look at then holds still. */
export async function testBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const database = options.database ?? (await createTestDatabase());
  const lines: string[] = [];
  const runtime = runtimeOf(database.url, options, lines);
  const broker = await createApp(runtime);
  const server: Server = broker.app.getHttpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const call = caller(url);
  return {
    ...broker,
    url,
    config: runtime.config,
    database,
    lines,
    call,
    publish: async (topic, data, headers = {}) => {
      const answer = await call<Published>('POST', `/v1/topics/${topic}/events`, data, { headers });
      if (answer.status !== 201) throw new Error(`publish answered ${answer.status}: ${answer.text}`);
      return answer.body;
    },
    close: async () => {
      // A client may connect once more for a request that never comes, and close() would wait for that.
      server.on('connection', (socket) => socket.destroy());
      server.closeAllConnections();
      await broker.app.close();
      if (!options.database) await database.drop();
    },
  };
}

function runtimeOf(databaseUrl: string, options: TestBrokerOptions, lines: string[]): Runtime {
  const loaded = loadConfig({
    PORT: '0',
    DATABASE_URL: databaseUrl,
    HOOKCAST_ROLE: 'api',
    HOOKCAST_ADMIN_KEY: adminKey,
    HOOKCAST_ENCRYPTION_KEY: encryptionKey.toString('base64'),
    HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
    HOOKCAST_LOG_LEVEL: 'trace',
    HOOKCAST_FAILED_KEYS_PER_MINUTE: '1000000',
    HOOKCAST_WRONG_KEYS_PER_MINUTE: '1000000',
    ...options.settings,
  });
  if (loaded.kind === 'bad') throw new Error(loaded.errors.join('\n'));
  const { config } = loaded;
  return {
    config,
    databaseUrl,
    adminKey,
    encryptionKey: config.encryptionKey ?? encryptionKey,
    previousEncryptionKey: config.previousEncryptionKey,
    log: createLog(config.logLevel, { write: (line) => void lines.push(line) }),
    sendersTls: options.sendersTls,
    clock: options.clock ?? { now: () => new Date() },
  };
}

function caller(url: string): Call {
  return async (method, path, body, options = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: headersOf(body, options),
      ...(body !== undefined && { body: isRaw(body) ? body : JSON.stringify(body) }),
      ...(options.signal && { signal: options.signal }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
}

function headersOf(body: unknown, options: RequestOptions): Record<string, string> {
  const authorization = 'authorization' in options ? options.authorization : `Bearer ${adminKey}`;
  return {
    ...(authorization !== undefined && { authorization }),
    ...(body !== undefined && !isRaw(body) && { 'content-type': 'application/json' }),
    ...options.headers,
  };
}

function isRaw(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array;
}
