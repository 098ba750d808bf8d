import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { runUntilSignalled } from './lifecycle.js';
import { isPrepared } from './prepare.js';
import { serve } from './serve.js';

/** A forked process: everything it needs beyond its settings comes from the primary. */
export async function runChild(config: Config, log: Logger): Promise<void> {
  await runUntilSignalled(log, async (lifecycle) => {
    const [message]: unknown[] = await once(process, 'message');
    if (!isPrepared(message)) throw new Error('The primary process sent something else than what was prepared.');
    const serving = await serve(config, message, log);
    process.send?.({ url: serving.url });
    // Without its primary nobody would stop it, and an embedded database is gone.
    process.once('disconnect', () => void lifecycle.fail(new Error('The primary process has ended.')));
    return async () => {
      process.removeAllListeners('disconnect');
      await serving.stop();
    };
  });
}
