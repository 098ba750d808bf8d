import { compilePattern, parseVerdict, verdictHeader, type Verdict } from '@hookcast/protocol';
import type { SignedHookRequest } from './signed-request.js';

/** A hook to deliver to: a `createReceiver()`, the `HookcastReceiver` of a Nest application, or a URL. */
export type TestHook =
  | string
  | URL
  | {
      handle(request: SignedHookRequest): Promise<{ status: number; headers: Record<string, string>; body: string }>;
    };

/** What a hook answered, and what the broker would make of it. */
export interface HookReply {
  status: number;
  verdict: Verdict;
  body: string;
}

/** A subscription of the bus in this process. */
export interface Connection {
  /** Topics or patterns. */
  topics: string | readonly string[];
  hook: TestHook;
  /** Named to the hook, which then runs the handlers of that subscription alone. @default none */
  subscription?: string | undefined;
}

export type OpenConnection = Connection & { matches: (topic: string) => boolean };

/** @throws {RangeError} when a pattern is none */
export function openConnection(connection: Connection): OpenConnection {
  const tests = [connection.topics].flat().map(compilePattern);
  return { ...connection, matches: (topic) => tests.some((matches) => matches(topic)) };
}

/** @throws when a URL cannot be reached */
export async function send(hook: TestHook, request: SignedHookRequest): Promise<HookReply> {
  if (typeof hook === 'object' && 'handle' in hook) {
    const { status, headers, body } = await hook.handle(request);
    return { status, verdict: verdictOf(status, headers[verdictHeader]), body };
  }
  const { method, headers, body } = request;
  const response = await fetch(hook, { method, headers, body, redirect: 'manual' });
  const { status } = response;
  return {
    status,
    verdict: verdictOf(status, response.headers.get(verdictHeader) ?? undefined),
    body: await response.text(),
  };
}

function verdictOf(status: number, header: string | undefined): Verdict {
  const named = header === undefined ? undefined : parseVerdict(header);
  return named ?? (status >= 200 && status < 300 ? 'ok' : 'retry');
}
