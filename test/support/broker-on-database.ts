import { brokerProcess, type BrokerProcess } from './broker.js';
import { createTestDatabase } from './database.js';

/**
 * A broker process on a database of the run's own server, migrated by copying: it is up in a third of the time that an
 * embedded Postgres takes to be made. For tests that neither kill the broker nor are about that Postgres.
 */
export async function brokerOnDatabase(settings: Record<string, string> = {}): Promise<BrokerProcess> {
  const database = await createTestDatabase();
  const broker = await brokerProcess({
    DATABASE_URL: database.url,
    HOOKCAST_UNSAFE_ALLOW_FSYNC_OFF: 'true',
    HOOKCAST_ENCRYPTION_KEY: 'PYF2OS9yZW1hcmthYmxlIGtleSBmb3IgdGVzdHMuLiE=',
    HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8,::1/128',
    ...settings,
  });
  const remove = broker.remove.bind(broker);
  return Object.assign(broker, {
    remove: async () => {
      await remove();
      await database.drop();
    },
  });
}
