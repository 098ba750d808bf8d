import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/broker.js';
import type { Delivery } from './checker.js';

/** How a hook behaves; what each does is in receiver.mjs. */
export type Manner =
  | 'steady'
  | 'flaky'
  | 'slow'
  | 'paced'
  | 'bytes'
  | 'slow-bytes'
  | 'poison'
  | 'hang'
  | 'reset'
  | 'drip'
  | 'endless'
  | 'bomb';

export interface ReceivedDelivery extends Delivery {
  subscription: string;
}

/** The hooks, in a process of their own. */
export interface Receiver {
  urlOf(subscription: string, manner: Manner): string;
  /** What came for a subscription so far, in the order of answers. */
  received(subscription: string): ReceivedDelivery[];
  /** Does nothing while it runs. */
  start(): Promise<void>;
  /** kill -9 */
  crash(): Promise<void>;
}

export async function startReceiver(folder: string, secret: string): Promise<Receiver> {
  const file = join(folder, 'received.jsonl');
  const port = await freePort();
  const program = fileURLToPath(new URL('./receiver.mjs', import.meta.url));
  let child: ChildProcess | undefined;
  const start = async () => {
    if (child) return;
    child = fork(program, [String(port), secret, file], { execArgv: [] });
    await once(child, 'message');
  };
  await start();
  return {
    urlOf: (subscription, manner) => `http://127.0.0.1:${port}/${subscription}/${manner}`,
    received: (subscription) =>
      (existsSync(file) ? readFileSync(file, 'utf8') : '')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as ReceivedDelivery)
        .filter((delivery) => delivery.subscription === subscription),
    start,
    crash: async () => {
      if (!child) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      child = undefined;
      await exited;
    },
  };
}
