import { once } from 'node:events';
import net from 'node:net';
import pg from 'pg';

export interface DatabaseProxy {
  /** The database's URL, through the proxy. */
  url: string;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  /** Takes connections again. */
  mend(): void;
  /** Forwards to the server, but swallows what it answers; with `both`, nothing passes either way. */
  silence(direction: 'answers' | 'both'): void;
  /** Holds everything back in both directions, until it is mended. */
  stall(): void;
  /** Forwards the next append, lets it commit, and breaks the connection instead of passing the answer on. */
  loseNextCommit(): void;
  /** Answers that were lost in this way. */
  readonly lostCommits: number;
  close(): Promise<void>;
}

/** ReadyForQuery, status idle: whatever was asked is committed. */
const readyOutsideTransaction = Buffer.from('5a0000000549', 'hex');

/** Stands between a client and Postgres and misbehaves like a network. */
export async function databaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  // A URL with a socket directory has no host, which `new URL` does not take.
  const target = new pg.Client({ connectionString: databaseUrl });
  const connections = new Set<net.Socket>();
  let isCut = false;
  let silent: 'answers' | 'both' | undefined;
  let isCommitWanted = false;
  let lostCommits = 0;

  const server = net.createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = target.host.startsWith('/')
      ? net.connect(`${target.host}/.s.PGSQL.${target.port}`)
      : net.connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      connections.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        connections.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let isLosing = false;
    client.on('data', (bytes) => {
      if (silent === 'both') return;
      if (isCommitWanted && bytes.includes('append_events')) {
        isCommitWanted = false;
        isLosing = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (isLosing && bytes.includes(readyOutsideTransaction)) {
        lostCommits += 1;
        client.destroy();
      } else if (silent === undefined && !isLosing) client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
  const account = [target.user, target.password].filter(Boolean).join(':');

  const cut = () => {
    isCut = true;
    for (const socket of connections) socket.destroy();
  };
  return {
    url: `postgresql://${account}@127.0.0.1:${address.port}/${target.database}`,
    cut,
    mend: () => {
      isCut = false;
      silent = undefined;
      for (const socket of connections) socket.resume();
    },
    stall: () => {
      for (const socket of connections) socket.pause();
    },
    loseNextCommit: () => {
      isCommitWanted = true;
    },
    get lostCommits() {
      return lostCommits;
    },
    silence: (direction) => {
      silent = direction;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
