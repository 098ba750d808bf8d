import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from './config.js';
import { LogPages } from './log-pages.js';

/** Fields that must never be written, should a line ever carry them. */
const redacted = ['authorization', 'apiKey', 'secret', 'secrets', 'password', 'data'].flatMap((name) => [
  name,
  `*.${name}`,
]);

/** JSON lines, one per event; `event` names it. */
export function createLog(level: Config['logLevel'], destination: DestinationStream = standardOutput()): Logger {
  return pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'event',
      redact: redacted,
    },
    destination,
  );
}

/**
 * The same log for lines that come thousands of times a second and are made of fields chosen one by one: looking for
 * what must not be in them took half of writing them (13 µs a line with it, 7 without).
 */
export function unredacted(log: Logger): Logger {
  return log.child({}, { redact: { paths: [] } });
}

/** Written in the background, so that no request waits for a terminal or a full pipe. A line is at most a tenth of a second late. */
function standardOutput(): DestinationStream {
  const pages = new LogPages(pino.destination({ dest: 1, sync: false }));
  // Ahead of pino's own listener, which ends what it writes to before the program does.
  process.prependListener('beforeExit', () => pages.flushSync());
  process.once('exit', () => pages.flushSync());
  return pages;
}

/** Chatter of the framework about its own wiring. */
const wiring = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** Nest's own lines in the program's log. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    const context = contextOf(rest);
    this.logger[wiring.has(context) ? 'debug' : 'info']({ context, detail: textOf(message) }, 'nest');
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: contextOf(rest), detail: textOf(message) }, 'nest');
  }

  error(message: unknown, ...rest: unknown[]): void {
    const context = contextOf(rest);
    const level = context === 'NestApplication' && isAboutListening(message) ? 'debug' : 'error';
    this.logger[level]({ context, err: message, detail: rest.slice(0, -1).map(textOf) }, 'nest');
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ context: contextOf(rest), detail: textOf(message) }, 'nest');
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.logger.trace({ context: contextOf(rest), detail: textOf(message) }, 'nest');
  }
}

/** A port that is in use is thrown as well, and then said in words. */
function isAboutListening(message: unknown): boolean {
  return /\blisten E[A-Z]+\b/.test(textOf(message));
}

/** Nest passes the context last. */
function contextOf(rest: readonly unknown[]): string {
  const last = rest.at(-1);
  return typeof last === 'string' ? last : 'Nest';
}

function textOf(message: unknown): string {
  return message instanceof Error
    ? (message.stack ?? message.message)
    : typeof message === 'string'
      ? message
      : JSON.stringify(message);
}
