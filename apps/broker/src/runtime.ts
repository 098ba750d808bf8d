import type { HookTls } from '@hookcast/egress';
import type { Logger } from 'pino';
import type { Keyring } from './auth/vault.js';
import type { Config } from './config.js';

/** What the start-up found out or generated: everything a broker process needs besides its settings. */
export interface Runtime {
  config: Config;
  databaseUrl: string;
  adminKey: string;
  encryptionKey: Buffer;
  /** Opens what it sealed, while it is being replaced. */
  previousEncryptionKey?: Buffer | undefined;
  /** Trusted and shown by requests to senders that bring nothing of their own. @default the roots of Node.js */
  sendersTls?: HookTls | undefined;
  log: Logger;
  clock: Clock;
}

export interface Clock {
  now(): Date;
}

/** The keys of a runtime, for its vaults. */
export function keyringOf({
  encryptionKey,
  previousEncryptionKey,
}: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey'>): Keyring {
  return { current: encryptionKey, others: previousEncryptionKey ? [previousEncryptionKey] : [] };
}

export const systemClock: Clock = { now: () => new Date() };

/** Injection tokens of the values that are not classes. */
export const RUNTIME = Symbol('runtime');
export const DATA_POOL = Symbol('data pool');
