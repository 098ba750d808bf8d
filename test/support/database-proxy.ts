import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
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
  /** Holds everything back in both directions, new connections too, until it is mended. */
  stall(): void;
  /** From now on everything takes so many milliseconds longer, each way. */
  delay(eachWayMs: number): void;
  /** Breaks all connections; new ones lead to this server, which has the same accounts and databases. */
  retarget(databaseUrl: string): void;
  /**
   * Forwards the next such statement, lets it commit, and breaks the connection instead of passing the answer on.
   *
   * @param statement text that occurs in it or in its name; an append unless given
   */
  loseNextCommit(statement?: string): void;
  /** Answers that were lost in this way. */
  readonly lostCommits: number;
  /** Keeps the next statement that contains the text, and breaks the connection it came by. */
  holdNext(text: string): void;
  /** Statements that are kept. */
  readonly held: number;
  /** Lets everything that is kept reach the server, and waits until it was carried out. */
  letThrough(): Promise<void>;
  close(): Promise<void>;
}

/** ReadyForQuery, status idle: whatever was asked is committed. */
const readyOutsideTransaction = Buffer.from('5a0000000549', 'hex');
/** Sync, with which node-postgres ends a statement. */
const endOfStatement = Buffer.from('5300000004', 'hex');

/** A statement that is still on its way when its client has long given it up. */
interface HeldStatement {
  upstream: net.Socket;
  chunks: Buffer[];
}

/** One direction of a connection: what goes in comes out later, and in its order. */
class Line {
  private last: Promise<void> | undefined;
  private waiting = 0;

  pass(delayMs: number, work: () => void): void {
    if (delayMs === 0 && this.waiting === 0) return work();
    this.waiting += 1;
    this.last = this.after(this.last, performance.now() + delayMs, work);
  }

  private async after(before: Promise<void> | undefined, due: number, work: () => void): Promise<void> {
    await before;
    await pause(Math.max(0, due - performance.now()));
    this.waiting -= 1;
    work();
  }
}

/** A URL with a socket directory has no host, which `new URL` does not take. */
const serverOf = (databaseUrl: string) => new pg.Client({ connectionString: databaseUrl });

/** Stands between a client and Postgres and misbehaves like a network. */
export async function databaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  let target = serverOf(databaseUrl);
  const connections = new Set<net.Socket>();
  let isCut = false;
  let silent: 'answers' | 'both' | undefined;
  let isStalled = false;
  let delayMs = 0;
  let wanted: string | undefined;
  let lostCommits = 0;
  let heldText: string | undefined;
  const held: HeldStatement[] = [];

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
      if (isStalled) socket.pause();
      socket.on('error', () => {});
      socket.on('close', () => {
        connections.delete(socket);
        client.destroy();
        if (holding === undefined) upstream.destroy();
      });
    }
    let isLosing = false;
    let holding: HeldStatement | undefined;
    const [there, back] = [new Line(), new Line()];
    const hold = (bytes: Buffer) => {
      if (heldText !== undefined && bytes.includes(heldText)) {
        heldText = undefined;
        holding = { upstream, chunks: [] };
      }
      holding?.chunks.push(bytes);
      if (!holding || !bytes.subarray(-endOfStatement.length).equals(endOfStatement)) return holding !== undefined;
      held.push(holding);
      client.destroy();
      return true;
    };
    client.on('data', (bytes: Buffer) => {
      if (silent === 'both' || hold(bytes)) return;
      if (wanted !== undefined && bytes.includes(wanted)) {
        wanted = undefined;
        isLosing = true;
      }
      there.pass(delayMs, () => upstream.write(bytes));
    });
    upstream.on('data', (bytes) => {
      if (isLosing && bytes.includes(readyOutsideTransaction)) {
        lostCommits += 1;
        client.destroy();
      } else if (silent === undefined && !isLosing) back.pass(delayMs, () => client.write(bytes));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
  const account = [target.user, target.password].filter(Boolean).join(':');

  const letThrough = async () => {
    for (const { upstream, chunks } of held.splice(0)) {
      let answer = Buffer.alloc(0);
      const isDone = new Promise<void>((resolve) => {
        upstream.on('data', (bytes: Buffer) => {
          answer = Buffer.concat([answer, bytes]);
          if (answer.includes(readyOutsideTransaction)) resolve();
        });
      });
      upstream.write(Buffer.concat(chunks));
      await isDone;
      upstream.destroy();
    }
  };
  const breakAll = () => {
    for (const socket of connections) socket.destroy();
  };
  const cut = () => {
    isCut = true;
    breakAll();
  };
  return {
    url: `postgresql://${account}@127.0.0.1:${address.port}/${target.database}`,
    cut,
    mend: () => {
      isCut = false;
      silent = undefined;
      isStalled = false;
      delayMs = 0;
      for (const socket of connections) socket.resume();
    },
    delay: (eachWayMs) => {
      delayMs = eachWayMs;
    },
    retarget: (otherUrl) => {
      target = serverOf(otherUrl);
      breakAll();
    },
    stall: () => {
      isStalled = true;
      for (const socket of connections) socket.pause();
    },
    loseNextCommit: (statement = 'append_events') => {
      wanted = statement;
    },
    get lostCommits() {
      return lostCommits;
    },
    holdNext: (text) => {
      heldText = text;
    },
    get held() {
      return held.length;
    },
    letThrough,
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
