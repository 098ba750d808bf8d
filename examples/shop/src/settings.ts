import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where the broker is and where the three services listen. */
export interface ShopSettings {
  broker: { url: string; apiKey: string };
  ports: Record<Service, number>;
  /** How often an order is placed by itself; 0 for never. */
  orderEveryMs: number;
}

export type Service = 'orders' | 'billing' | 'email';

/** Reads the settings from the environment. @throws {Error} that says what to do, when no key is found */
export function shopSettings(env: NodeJS.ProcessEnv = process.env): ShopSettings {
  return {
    broker: { url: env['HOOKCAST_URL'] ?? 'http://127.0.0.1:8080', apiKey: env['HOOKCAST_API_KEY'] ?? adminKey(env) },
    ports: {
      orders: Number(env['ORDERS_PORT'] ?? 3001),
      billing: Number(env['BILLING_PORT'] ?? 3002),
      email: Number(env['EMAIL_PORT'] ?? 3003),
    },
    orderEveryMs: Number(env['ORDER_EVERY_MS'] ?? 1000),
  };
}

/** The key that the broker wrote into its data dir at its first start: good enough to try things on one machine. */
function adminKey(env: NodeJS.ProcessEnv): string {
  const root = resolve(import.meta.dirname, '../../..');
  const folders = [env['HOOKCAST_DATA_DIR'], join(env['INIT_CWD'] ?? '.', '.hookcast'), join(root, '.hookcast')];
  for (const folder of folders) {
    const key = folder === undefined ? undefined : readKey(join(folder, 'admin.key'));
    if (key !== undefined) return key;
  }
  throw new Error(
    'No API key: set HOOKCAST_API_KEY, or start the broker first (npm start), which writes .hookcast/admin.key.',
  );
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
