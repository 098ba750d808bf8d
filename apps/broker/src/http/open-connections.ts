import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A client in the middle of a request that says nothing for so long is not waited for. */
export const silenceMs = 1_000;
/** However much it says, nobody is read for longer than that once the server stops. */
export const readingMs = 5_000;

interface Connection {
  /** Requests that were not answered yet. */
  open: Set<IncomingMessage>;
  /** What had come when it was last looked at, and since when it is so much. */
  bytesRead: number;
  since: number;
}

/** The connections of a server that stops: Node waits for every request, also for those that never end. */
export class OpenConnections {
  private readonly connections = new Map<Socket, Connection>();

  add(socket: Socket): void {
    this.connections.set(socket, { open: new Set(), bytesRead: 0, since: 0 });
    socket.once('close', () => this.connections.delete(socket));
  }

  opened(request: IncomingMessage, response: ServerResponse): void {
    const open = this.connections.get(request.socket)?.open;
    open?.add(request);
    response.once('close', () => open?.delete(request));
  }

  /** Whether it is for us to say something on it: neither is it idle nor does its client leave an answer unread. */
  isOurTurn(socket: Socket): boolean {
    const { open } = this.connections.get(socket) ?? {};
    return open !== undefined && open.size > 0 && socket.writableLength === 0;
  }

  /**
   * Cuts the connections whose client does not come to an end with its request, head or body. One that is worked on has
   * been read and is left alone. To be called again and again while the server stops.
   *
   * @param now milliseconds since the stop began
   * @returns how many
   */
  cutUnfinished(now: number): number {
    let cut = 0;
    for (const [socket, connection] of this.connections) {
      if (!isUnfinished(connection) || !isGivenUp(socket, connection, now)) continue;
      socket.destroy();
      cut += 1;
    }
    return cut;
  }
}

/** Nothing is asked, or not all of it. Between two requests a connection is idle, which the server knows itself. */
function isUnfinished({ open }: Connection): boolean {
  return [...open].every(({ complete }) => !complete);
}

function isGivenUp(socket: Socket, connection: Connection, now: number): boolean {
  // A browser that connects in advance never says anything.
  if (socket.bytesRead === 0 || now >= readingMs) return true;
  if (socket.bytesRead !== connection.bytesRead) {
    connection.bytesRead = socket.bytesRead;
    connection.since = now;
  }
  return now - connection.since >= silenceMs;
}
