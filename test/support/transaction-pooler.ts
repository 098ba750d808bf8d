import net from 'node:net';
import pg from 'pg';

export interface TransactionPooler {
  url: string;
  /** Closes the idle server connections, so that new ones see changed defaults. */
  reconnect(): Promise<void>;
  close(): Promise<void>;
}

const knownParameters = ['user', 'database', 'application_name', 'client_encoding', 'DateStyle', 'TimeZone'];
const noneBytes = Buffer.alloc(0);

/**
 * A small PgBouncer: lends a server connection for one transaction at a time, the one that was given back last
 * first, and refuses startup parameters it does not know. Protocol: "Frontend/Backend Protocol" of the Postgres manual.
 */
export async function transactionPooler(databaseUrl: string): Promise<TransactionPooler> {
  const idle: ServerConnection[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket, {
      borrow: async () => idle.pop() ?? (await ServerConnection.open(databaseUrl)),
      giveBack: (connection) => idle.push(connection),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const reconnect = async () => {
    await Promise.all(idle.splice(0).map((connection) => connection.end()));
  };
  return {
    url: `postgresql://pooled@127.0.0.1:${port}/pooled`,
    reconnect,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await reconnect();
    },
  };
}

interface Lender {
  borrow(): Promise<ServerConnection>;
  giveBack(connection: ServerConnection): void;
}

function serve(client: net.Socket, lender: Lender): void {
  let started = false;
  let held: ServerConnection | undefined;
  let borrowing: Promise<void> | undefined;
  let waiting = noneBytes;

  const forward = async () => {
    held ??= await lender.borrow();
    held.onIdle = () => {
      if (held) lender.giveBack(held);
      held = undefined;
    };
    held.onData = (chunk) => client.write(chunk);
    const bytes = waiting;
    waiting = noneBytes;
    held.write(bytes);
  };
  client.on('data', (chunk) => {
    if (!started) {
      started = true;
      client.write(greeting(chunk));
      return;
    }
    if (chunk[0] === 0x58) return void client.end(); // Terminate
    waiting = Buffer.concat([waiting, chunk]);
    borrowing ??= forward().finally(() => (borrowing = undefined));
  });
}

/** One raw connection to the server: a pg.Client logs in, then its socket is ours. */
class ServerConnection {
  onData: (chunk: Buffer) => void = () => {};
  onIdle: () => void = () => {};

  static async open(url: string): Promise<ServerConnection> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: net.Socket } }).connection;
    return new ServerConnection(stream);
  }

  private constructor(private readonly stream: net.Socket) {
    stream.removeAllListeners('data');
    stream.on('data', (chunk: Buffer) => {
      this.onData(chunk);
      // ReadyForQuery 'Z', length 5, status 'I': no transaction is open. Answers here are small, one chunk each.
      if (chunk.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) this.onIdle();
    });
  }

  write(bytes: Buffer): void {
    this.stream.write(bytes);
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve) => this.stream.end(() => resolve()));
  }
}

function greeting(startup: Buffer): Buffer {
  const words = startup.subarray(8).toString('latin1').split('\0');
  const unknown = words.filter((word, index) => index % 2 === 0 && word !== '' && !knownParameters.includes(word));
  if (unknown.length > 0) return message('E', `SFATAL\0C08P01\0Munsupported startup parameter: ${unknown[0]}\0\0`);
  return Buffer.concat([
    message('R', '\0\0\0\0'), // AuthenticationOk
    message('S', 'server_version\x0015.0\0'),
    message('S', 'client_encoding\0UTF8\0'),
    message('K', '\0\0\0\x2a\0\0\0\x2a'), // BackendKeyData: a pid of the pooler's own making
    message('Z', 'I'),
  ]);
}

function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0, 'latin1');
  bytes.writeInt32BE(4 + body.length, 1);
  bytes.write(body, 5, 'latin1');
  return bytes;
}
