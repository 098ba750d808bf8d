import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import { generateSecret } from '@hookcast/protocol';
import pg from 'pg';
import { adminKey, freePort } from '../support/broker.js';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { startReceiver, type Manner, type Receiver } from './receiver.js';

const program = fileURLToPath(new URL('../../apps/broker/dist/main.js', import.meta.url));
const encryptionKey = randomBytes(32).toString('base64');

/** One process of the broker. */
export class Node {
  readonly url: string;
  private child: ChildProcess | undefined;

  constructor(
    readonly role: 'api' | 'worker',
    readonly name: string,
    private readonly port: number,
    private readonly folder: string,
    private readonly databaseUrl: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  /** Resident memory in MiB. */
  get rssMb(): number {
    const line = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  }

  async start(): Promise<void> {
    const out = openSync(join(this.folder, `${this.name}.log`), 'a');
    const dataDir = join(this.folder, this.name);
    mkdirSync(dataDir, { recursive: true });
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', out, out],
      env: {
        PATH: process.env['PATH'],
        PORT: String(this.port),
        DATABASE_URL: this.databaseUrl,
        HOOKCAST_DATA_DIR: dataDir,
        HOOKCAST_ROLE: this.role,
        HOOKCAST_ADMIN_KEY: adminKey,
        HOOKCAST_ENCRYPTION_KEY: encryptionKey,
        HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8',
        HOOKCAST_MAX_HOOK_TIMEOUT_MS: '15000',
      },
    });
    closeSync(out);
    this.child = child;
    await until(async () => child.exitCode !== null || this.isReady(), {
      timeoutMs: 90_000,
      what: `${this.name} to be ready`,
    });
    if (child.exitCode !== null) throw new Error(`${this.name} ended with ${child.exitCode}:\n${this.log()}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  async end(name: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child || !this.isRunning) return;
    const exited = once(child, 'exit');
    child.kill(name);
    await exited;
  }

  log(): string {
    return readFileSync(join(this.folder, `${this.name}.log`), 'utf8');
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/ready`)).ok;
    } catch {
      return false;
    }
  }
}

/** Processes of the broker on one Postgres, with hooks of their own, in a folder under the temporary directory. */
export class Cluster {
  private constructor(
    readonly apis: readonly Node[],
    readonly workers: Node[],
    /** Between the first api process and the database. */
    readonly proxy: DatabaseProxy,
    readonly receiver: Receiver,
    readonly database: pg.Pool,
    private readonly server: { readonly pid: number; stop(): Promise<void> },
    private readonly folder: string,
    private readonly secret: string,
    private readonly databaseUrl: string,
  ) {}

  static async start({ apis, workers }: { apis: number; workers: number }): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'hookcast-faults-'));
    chmodSync(folder, 0o755); // run as root, Postgres has another account than the tests
    const server = await startEmbeddedPostgres({ dataDir: join(folder, 'database') });
    const proxy = await databaseProxy(server.url);
    const secret = generateSecret();
    const node = async (role: 'api' | 'worker', index: number) =>
      new Node(
        role,
        `${role}-${index}`,
        await freePort(),
        folder,
        role === 'api' && index === 0 ? proxy.url : server.url,
      );
    const apiNodes = await Promise.all(Array.from({ length: apis }, (_, index) => node('api', index)));
    const workerNodes = await Promise.all(Array.from({ length: workers }, (_, index) => node('worker', index)));
    const database = new pg.Pool({ connectionString: server.url, max: 2 });
    database.on('error', () => {});
    const receiver = await startReceiver(folder, secret);
    const made = new Cluster(apiNodes, workerNodes, proxy, receiver, database, server, folder, secret, server.url);
    // The first makes the schema.
    await apiNodes[0]?.start();
    await Promise.all([...apiNodes.slice(1), ...workerNodes].map(async (each) => each.start()));
    return made;
  }

  async api(method: string, path: string, body?: unknown, at = 1): Promise<unknown> {
    const response = await fetch(`${this.apis[at]?.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async subscribe(name: string, topic: string, manner: Manner, settings: Record<string, unknown> = {}): Promise<void> {
    await this.api('PUT', `/v1/subscriptions/${name}`, {
      topics: [topic],
      url: this.receiver.urlOf(name, manner),
      secret: this.secret,
      concurrency: 16,
      ...settings,
    });
  }

  /** A worker more than there were. */
  async join(): Promise<Node> {
    const node = new Node('worker', `worker-${this.workers.length}`, await freePort(), this.folder, this.databaseUrl);
    this.workers.push(node);
    await node.start();
    return node;
  }

  /** As `pg_ctl stop -m immediate` does; the supervisor of the embedded server starts it again. */
  async crashDatabase(): Promise<void> {
    const { pid } = this.server;
    process.kill(pid, 'SIGQUIT');
    await until(() => this.server.pid !== pid && this.server.pid !== 0, { timeoutMs: 60_000, what: 'a new server' });
  }

  /** Process ids of the workers that own streams, by the rows that say so. */
  async owners(): Promise<number[]> {
    const { rows } = await this.database.query<{ pid: number | null }>(
      'select distinct w.pid from assignments a left join workers w on w.worker_id = a.owner',
    );
    return rows.map(({ pid }) => pid ?? 0);
  }

  /** Deliveries that are neither done nor dead. */
  async pending(topic: string): Promise<number> {
    const { rows } = await this.database.query<{ pending: number }>(
      `select (coalesce((select sum(s.head_seq - c.settled_seq) from cursors c join streams s using (stream_id)
                 join topics t on t.id = s.topic_id join subscriptions u on u.id = c.subscription_id
                where t.name = $1 and u.state = 'active'), 0)
             + (select count(*) from retries r join streams s using (stream_id) join topics t on t.id = s.topic_id
                 where t.name = $1))::int as pending`,
      [topic],
    );
    return rows[0]?.pending ?? 0;
  }

  /** Ids of events that were given up for a subscription. */
  async deadLetters(subscription: string): Promise<Set<string>> {
    const { rows } = await this.database.query<{ event_id: string }>(
      'select d.event_id from dead_letters d join subscriptions s on s.id = d.subscription_id where s.name = $1',
      [subscription],
    );
    return new Set(rows.map(({ event_id: id }) => id));
  }

  /** Whatever was done to them: all processes run and reach the database. */
  async heal(): Promise<void> {
    this.proxy.mend();
    for (const node of [...this.apis, ...this.workers]) node.signal('SIGCONT');
    await Promise.all(
      [...this.apis, ...this.workers].filter((node) => !node.isRunning).map(async (node) => node.start()),
    );
  }

  logs(): string {
    return [...this.apis, ...this.workers]
      .map((node) => `--- ${node.name}\n${node.log().split('\n').slice(-15).join('\n')}`)
      .join('\n');
  }

  async stop(): Promise<void> {
    for (const node of [...this.apis, ...this.workers]) node.signal('SIGCONT');
    await Promise.all([...this.apis, ...this.workers].map(async (node) => node.end('SIGKILL')));
    await this.receiver.stop();
    await this.database.end();
    await this.proxy.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
