import type { AddressInfo, Server } from 'node:net';
import { DataSource } from 'typeorm';
import type { Logger } from 'pino';
import { createApp, type BrokerApp } from '../app.js';
import { UnsealError, Vault } from '../auth/vault.js';
import type { Config } from '../config.js';
import { keyringOf, type Runtime, systemClock } from '../runtime.js';
import { refuseForeignKey } from './key-check.js';
import type { Prepared } from './prepare.js';
import { StartError } from './start-error.js';

/** A process that listens and, by role, delivers. */
export interface Serving {
  url: string;
  /** Stops taking, finishes what is in flight, settles and hands over. */
  stop(): Promise<void>;
}

const idleSweepMs = 100;

/** @throws StartError when the port is taken or the encryption key is not the one of the database */
export async function serve(config: Config, prepared: Prepared, log: Logger): Promise<Serving> {
  const encryptionKey = Buffer.from(prepared.encryptionKey, 'base64');
  const { previousEncryptionKey: previous } = prepared;
  const previousEncryptionKey = previous === undefined ? undefined : Buffer.from(previous, 'base64');
  const runtime: Runtime = { config, log, clock: systemClock, encryptionKey, previousEncryptionKey, ...pick(prepared) };
  const broker = await createApp(runtime);
  try {
    await refuseWrongKey(broker, runtime);
    await listen(broker, config);
  } catch (error) {
    await broker.app.close();
    throw error;
  }
  return { url: urlOf(broker, config), stop: async () => close(broker, config.maxHookTimeoutMs, log) };
}

function pick({ databaseUrl, adminKey }: Prepared): Pick<Runtime, 'databaseUrl' | 'adminKey'> {
  return { databaseUrl, adminKey };
}

/** A process with another key than the others would sign with garbage, or not at all. */
async function refuseWrongKey({ app }: BrokerApp, runtime: Runtime): Promise<void> {
  try {
    await refuseForeignKey(app.get(DataSource).manager, new Vault(keyringOf(runtime)));
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error;
    const detail = 'HOOKCAST_ENCRYPTION_KEY is not the key that the secrets in this database were sealed with.';
    throw new StartError(detail, { cause: error });
  }
}

async function listen({ app }: BrokerApp, { port, host }: Config): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE')
      throw new StartError(`Port ${port} on ${host} is in use. Set PORT, or stop what listens there.`);
    if (code === 'EACCES')
      throw new StartError(`Port ${port} may not be used by this account. Set PORT to 1024 or more.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new StartError(`HOST ${host} is no address of this machine.`);
    throw error;
  }
}

function urlOf({ app }: BrokerApp, { host }: Config): string {
  const server: Server = app.getHttpServer();
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Nest's close() waits for every connection. Streams end themselves when they hear of it, but a connection that becomes
 * idle only after the server stopped listening would be waited for until its keep-alive time is over: so idle ones
 * are closed all the time, those whose client stalls in a request are cut soon, and whatever is left at the deadline then.
 */
async function close({ app, adapter }: BrokerApp, deadlineMs: number, log: Logger): Promise<void> {
  const server: import('node:http').Server = app.getHttpServer();
  adapter.startClosing();
  server.close();
  const began = performance.now();
  let cut = 0;
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    cut += adapter.cutUnfinishedRequests(performance.now() - began);
  }, idleSweepMs);
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(deadline);
    if (cut > 0) log.info({ connections: cut }, 'broker.unfinished-requests-cut');
  }
}
