import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { runUntilSignalled } from './lifecycle.js';
import { isPrepared } from './prepare.js';
import { serve } from './serve.js';

/** A forked process: everything it needs beyond its settings comes from the primary. */
export async function runChild(config: Config, log: Logger): Promise<void> {
  await runUntilSignalled(
    log,
    async (lifecycle) => {
      const answer = once(process, 'message');
      // Asked for rather than sent along: what arrives before somebody listens is lost.
      tell({ kind: 'waiting' });
      const [message]: unknown[] = await answer;
      if (!isPrepared(message)) throw new Error('The primary process sent something else than what was prepared.');
      const serving = await serve(config, message, log);
      tell({ kind: 'serving', url: serving.url });
      // Without its primary nobody would stop it, and an embedded database is gone.
      process.once('disconnect', () => void lifecycle.fail(new Error('The primary process has ended.')));
      return async () => {
        process.removeAllListeners('disconnect');
        await serving.stop();
      };
      // Ctrl-C reaches the whole group: only the primary acts on it, or this process would take its SIGTERM for a second one.
    },
    ['SIGTERM'],
  );
}

/** What a forked process says to its primary. */
export type ChildMessage = { kind: 'waiting' } | { kind: 'serving'; url: string };

function tell(message: ChildMessage): void {
  process.send?.(message);
}
