/* A program on the embedded Postgres, for tests that kill things. argv[2]: JSON {module, options}.
   stdin takes one JSON line per command: {"sql": "..."} or {"stop": true}; stdout answers in JSON lines. */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const { module, options } = JSON.parse(process.argv[2]);
const { startEmbeddedPostgres } = await import(pathToFileURL(module).href);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const since = performance.now();
const server = await startEmbeddedPostgres({
  ...options,
  log: (log) => say({ log }),
  onEvent: (event) => say({ event }),
}).catch((error) => {
  say({ failed: error.message });
  process.exit(1);
});
const { url, socketDir, pid, version, owner, logFile } = server;
say({ ready: { url, socketDir, pid, version, owner, logFile, ms: Math.round(performance.now() - since) } });

const pool = new pg.Pool({ connectionString: url, max: 2 });
pool.on('error', () => {});
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.stop) {
    await pool.end();
    await server.stop();
    say({ stopped: true });
    process.exit(0);
  }
  await pool.query(command.sql).then(
    ({ rows }) => say({ rows }),
    (error) => say({ error: error.message }),
  );
}
