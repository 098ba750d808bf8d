import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { OpenConnections, readingMs, silenceMs } from './open-connections.js';

let server: Server;
let connections: OpenConnections;
const clients: Socket[] = [];
const asked: { request: IncomingMessage; response: ServerResponse }[] = [];
beforeEach(async () => {
  connections = new OpenConnections();
  server = createServer((request, response) => {
    connections.opened(request, response);
    asked.push({ request, response });
    server.emit('asked');
  });
  server.on('connection', (socket: Socket) => connections.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const one of clients.splice(0)) one.destroy();
  asked.length = 0;
  server.close();
  await once(server, 'close');
});

/** A client whose bytes have arrived. */
async function client(text: string): Promise<{ socket: Socket; say: (more: string) => Promise<void> }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  clients.push(socket);
  const [side] = await accepted;
  const say = async (more: string) => {
    const wanted = side.bytesRead + Buffer.byteLength(more);
    socket.write(more);
    while (side.bytesRead < wanted) await new Promise((resolve) => setImmediate(resolve));
  };
  await say(text);
  return { socket, say };
}

const cutBetween = (...times: number[]) => times.map((now) => connections.cutUnfinished(now));

test('a connection that never said anything is cut at once', async () => {
  await client('');
  expect(cutBetween(0)).toEqual([1]);
});

test.each([
  ['head', 'POST / HTTP/1.1\r\nhost:'],
  ['body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1234'],
])('a client that stalls in the %s is cut after the silence', async (_, text) => {
  await client(text);
  expect(cutBetween(0, silenceMs - 1, silenceMs)).toEqual([0, 0, 1]);
});

test('a client that goes on is read, but not for ever', async () => {
  const { say } = await client('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n');
  const cut: number[] = [];
  for (let now = 0; now <= readingMs; now += silenceMs / 2) {
    await say('x');
    cut.push(connections.cutUnfinished(now));
  }
  expect(cut).toEqual([...Array.from({ length: cut.length - 1 }, () => 0), 1]);
});

test('a request that was read is worked on to its end, however long it takes', async () => {
  const asking = once(server, 'asked');
  const { socket } = await client('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nok');
  await asking;
  const [one] = asked;
  one?.request.resume();
  if (one) await once(one.request, 'end');
  expect(cutBetween(0, silenceMs, readingMs, 10 * readingMs)).toEqual([0, 0, 0, 0]);
  one?.response.end('done');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 OK/);
});

test('a client that leaves its answer unread has the turn, one whose answer is not written yet has not', async () => {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { socket } = await client('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const [side] = await accepted;
  socket.pause();
  while (asked.length === 0) await once(server, 'asked');
  expect(connections.isOurTurn(side)).toBe(true);
  asked[0]?.response.end(Buffer.alloc(64 * 1024 * 1024));
  expect(connections.isOurTurn(side)).toBe(false);
});
