import net, { type AddressInfo, type Socket } from 'node:net';

export interface RawHook {
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  /** Connections accepted so far. */
  connections: number;
  /** Requests that arrived whole, as text. */
  requests: string[];
  /** Connections open now. */
  open: Set<Socket>;
  /** Refuses further connections and keeps those that are open. */
  stopListening(): void;
  close(): Promise<void>;
}

export interface RawScript {
  /** Called as soon as a connection is accepted. */
  onConnection?: (socket: Socket, number: number) => void;
  /** Called for every whole request; `number` counts from 1 over all connections. */
  onRequest?: (socket: Socket, request: string, number: number) => void;
}

/** A TCP server that answers with whatever bytes the script writes: for hooks that do not speak HTTP properly. */
export async function rawHook(script: RawScript): Promise<RawHook> {
  const hook: Omit<RawHook, 'url' | 'port'> = {
    connections: 0,
    requests: [],
    open: new Set(),
    stopListening: () => void server.close(),
    close,
  };
  const server = net.createServer({ noDelay: true }, (socket) => {
    hook.connections += 1;
    hook.open.add(socket);
    socket.on('error', () => undefined).on('close', () => hook.open.delete(socket));
    script.onConnection?.(socket, hook.connections);
    if (script.onRequest === undefined) return;
    let buffered = '';
    socket.on('data', (chunk) => {
      buffered += chunk.toString('latin1');
      for (let end = endOfRequest(buffered); end > 0; end = endOfRequest(buffered)) {
        const request = buffered.slice(0, end);
        buffered = buffered.slice(end);
        hook.requests.push(request);
        script.onRequest?.(socket, request, hook.requests.length);
      }
    });
  });

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of hook.open) socket.destroy();
    await closed;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(hook, { url: `http://127.0.0.1:${port}`, port });
}

function endOfRequest(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return 0;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  const end = head + 4 + length;
  return text.length >= end ? end : 0;
}
