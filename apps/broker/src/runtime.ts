import type { Logger } from 'pino';
import type { Config } from './config.js';

/** What the start-up found out or generated: everything a broker process needs besides its settings. */
export interface Runtime {
  config: Config;
  databaseUrl: string;
  adminKey: string;
  encryptionKey: Buffer;
  log: Logger;
  clock: Clock;
}

export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** Injection tokens of the values that are not classes. */
export const RUNTIME = Symbol('runtime');
export const DATA_POOL = Symbol('data pool');
