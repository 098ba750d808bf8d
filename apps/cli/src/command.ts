import type { parseArgs } from 'node:util';
import type { Broker } from './broker.js';

/** What a command is given and where it writes. */
export interface Context {
  /** The broker that --url and --key, or HOOKCAST_URL and HOOKCAST_KEY, name. */
  broker: Broker;
  positionals: readonly string[];
  /** The options that were given; each as its command declares it. */
  values: Readonly<Record<string, unknown>>;
  /** One line on standard output. */
  say: (line: string) => void;
  /** Ends with Ctrl-C. */
  signal: AbortSignal;
}

/** One word of the command line. */
export interface Command {
  /** What follows `hookcast`, for the help. */
  usage: string;
  summary: string;
  options?: NonNullable<Parameters<typeof parseArgs>[0]>['options'];
  /**
   * @returns the exit code
   * @throws UsageError for arguments that make no sense
   */
  run(context: Context): Promise<number>;
}

/** The command line is wrong; its usage is shown. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something else is wrong, in words for whoever typed the command. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** The value of an option that takes one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
