import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/broker.js';
import type { Delivery } from './checker.js';

/** How a hook behaves; what each does is in receiver.mjs. */
export type Manner = 'ok' | 'slow' | 'flaky' | 'down' | 'hang' | 'reset' | 'drip' | 'endless' | 'bomb';

export interface ReceivedDelivery extends Delivery {
  subscription: string;
  /** When its answer was sent, unix milliseconds. */
  at: number;
}

export interface Receiver {
  urlOf(subscription: string, manner: Manner): string;
  /** What came for a subscription so far, in the order of answers. */
  received(subscription: string): ReceivedDelivery[];
  stop(): Promise<void>;
}

export async function startReceiver(folder: string, secret: string): Promise<Receiver> {
  const file = join(folder, 'received.jsonl');
  const port = await freePort();
  const program = fileURLToPath(new URL('./receiver.mjs', import.meta.url));
  const child = fork(program, [String(port), secret, file], { execArgv: [] });
  await once(child, 'message');
  return {
    urlOf: (subscription, manner) => `http://127.0.0.1:${port}/${subscription}/${manner}`,
    received: (subscription) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as ReceivedDelivery)
        .filter((delivery) => delivery.subscription === subscription),
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
