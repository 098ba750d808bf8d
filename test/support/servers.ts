import pg from 'pg';
import { inject } from 'vitest';

export interface TestServer {
  name: string;
  adminUrl: string;
}

const ownPostgresUrl = process.env['TEST_OWN_POSTGRES_URL'] ?? 'postgresql://root@127.0.0.1:5432/test';

/**
 * The server of this run and, where one answers, a Postgres of the machine's own: usually an older major version,
 * with fsync on. Name it with TEST_OWN_POSTGRES_URL; the role must be a superuser.
 */
export async function testServers(): Promise<TestServer[]> {
  const run = inject('adminUrl');
  const servers = [{ name: `Postgres ${await majorOf(run)} (of this run)`, adminUrl: run }];
  const own = await majorOf(ownPostgresUrl).catch((error: unknown) => {
    process.stderr.write(
      `skipped a Postgres of the machine's own: ${ownPostgresUrl} does not answer (${String(error)})\n`,
    );
  });
  if (own) servers.push({ name: `Postgres ${own} (the machine's own)`, adminUrl: ownPostgresUrl });
  return servers;
}

async function majorOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    return rows[0]?.version.split('.')[0] ?? '';
  } finally {
    await client.end();
  }
}
