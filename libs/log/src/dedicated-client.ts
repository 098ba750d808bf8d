import pg from 'pg';

/**
 * A connection of its own to where a pool points, for what must not share: pipelined statements, LISTEN, session
 * locks. The owner learns of a broken connection by its statements failing, or by 'end'; without a listener for
 * 'error' node-postgres would end the process.
 */
export function dedicatedClient(pool: pg.Pool, options: pg.ClientConfig): pg.Client {
  const { password } = pool.options; // not enumerable, so a spread leaves it out
  const client = new pg.Client({ ...pool.options, ...(password === undefined ? {} : { password }), ...options });
  client.on('error', () => {});
  return client;
}
