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

/**
 * Connects, and fails when the client is told to end meanwhile: `connect()` alone never settles then, and whoever stops would
 * wait for it for ever.
 *
 * @throws what connecting throws
 */
export async function connectUnlessEnded(client: pg.Client): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.once('end', () => reject(new Error('The connection was given up.')));
    client.connect().then(() => resolve(), reject);
  });
}
