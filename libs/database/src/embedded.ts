import fs from 'node:fs';
import net from 'node:net';
import { serverAccount } from './embedded/account.js';
import { findBinaries } from './embedded/binaries.js';
import { ensureCluster } from './embedded/cluster-init.js';
import { clusterPaths, clustersIn } from './embedded/cluster-paths.js';
import type { ServerSpec } from './embedded/postmaster.js';
import { connectionUrl, socketDirFor, type Endpoint } from './embedded/server-settings.js';
import { Supervisor, type EmbeddedEvent } from './embedded/supervisor.js';

export type { EmbeddedEvent } from './embedded/supervisor.js';

export interface EmbeddedPostgresOptions {
  /** Made when missing. The cluster is `<dataDir>/pg<major>`, its log `<dataDir>/pg<major>.log`. */
  dataDir: string;
  /** False turns fsync off: for tests only. @default true */
  durable?: boolean;
  /** Told in one line what the server does. */
  log?: (line: string) => void;
  /** The same, for programs. */
  onEvent?: (event: EmbeddedEvent) => void;
  /** Server settings that replace ours; those that keep events durable cannot be replaced. */
  settings?: Record<string, string>;
  /** The account to run as when we are root. @default the cluster's owner, else postgres, else nobody */
  account?: string;
}

export interface EmbeddedPostgres {
  /** For pg and TypeORM; stays the same over restarts of the server. */
  readonly url: string;
  /** Empty on Windows. */
  readonly socketDir: string;
  /** Of the server; another one after a restart, 0 while it is away. */
  readonly pid: number;
  /** e.g. 18.4 */
  readonly version: string;
  /** Whether this process runs the server; otherwise another one does, and this process uses it. */
  readonly owner: boolean;
  readonly logFile: string;
  /** Stops the server when this process runs it. Close the pools first: their sessions are ended. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded Postgres of a data dir and keeps it running: it is started again when it dies, stopped when
 * this process ends in any way (kill -9 included), and shared when another process runs it already.
 *
 * @throws Error in words for an operator: what is wrong and what can be done.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { durable = true, log = () => {}, onEvent = () => {}, settings = {} } = options;
  const { spec, endpoint } = await prepare(options, durable, log);
  const supervisor = new Supervisor({ spec, endpoint, durable, settings, log, onEvent });
  await supervisor.start();
  const first = supervisor.current;
  const used = first?.kind === 'attached' ? first.endpoint : endpoint;
  return {
    url: connectionUrl(used),
    socketDir: used.kind === 'socket' ? used.socketDir : '',
    version: spec.binaries.version,
    logFile: spec.paths.logFile,
    get pid() {
      const hold = supervisor.current;
      if (!hold) return 0;
      return hold.kind === 'own' ? hold.server.pid : hold.pid;
    },
    get owner() {
      return supervisor.current?.kind === 'own';
    },
    stop: () => supervisor.stop(),
  };
}

async function prepare(
  options: EmbeddedPostgresOptions,
  durable: boolean,
  log: (line: string) => void,
): Promise<{ spec: ServerSpec; endpoint: Endpoint }> {
  fs.mkdirSync(options.dataDir, { recursive: true });
  // One name for one directory, whatever symlinks lead to it: the lock and the socket hang on it.
  const dataDir = fs.realpathSync(options.dataDir);
  const account = serverAccount(clustersIn(dataDir), options.account);
  const binaries = await findBinaries(account, dataDir);
  const paths = clusterPaths(dataDir, binaries.major);
  const since = performance.now();
  if (await ensureCluster(paths, { binaries, account, durable })) {
    log(
      `made a Postgres ${binaries.version} cluster in ${paths.cluster} (${Math.round(performance.now() - since)} ms)`,
    );
  }
  return { spec: { paths, binaries, account }, endpoint: await chooseEndpoint(paths.cluster, paths.passwordFile) };
}

async function chooseEndpoint(cluster: string, passwordFile: string): Promise<Endpoint> {
  if (process.platform !== 'win32') return { kind: 'socket', socketDir: socketDirFor(cluster), port: 5432 };
  return { kind: 'tcp', port: await freePort(), password: fs.readFileSync(passwordFile, 'utf8') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
