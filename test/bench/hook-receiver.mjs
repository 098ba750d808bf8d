// The other end of every bench: a bare HTTP server of its own process that answers 204 and counts the events that come.
// Asked over IPC it tells how many there were in how many requests and, of those that carry `"sentAt":<ms>`, how late they were.
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';

let count = 0;
let requests = 0;
let delays = [];
const sentAt = Buffer.from('"sentAt":');
/** Each event of a batch has it once, and the data of the benches never. */
const eventMark = Buffer.from('"specversion":');
const isBatch = (request) => request.headers['content-type']?.startsWith('application/cloudevents-batch+json') === true;

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    requests += 1;
    count += isBatch(request) ? placesOf(eventMark, body).length : 1;
    // What is delivered again was published long ago.
    if (request.headers['hookcast-replay'] === undefined) noteDelays(body);
    response.writeHead(204).end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

function noteDelays(body) {
  const places = placesOf(sentAt, body);
  if (places.length === 0) return;
  const now = performance.timeOrigin + performance.now();
  for (const at of places) delays.push(now - Number.parseFloat(body.toString('latin1', at, at + 20)));
}

/** Where the mark ends, each time it occurs. */
function placesOf(mark, body) {
  const places = [];
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) places.push(at + mark.length);
  return places;
}

process.on('message', (question) => {
  if (question === 'reset') [count, requests, delays] = [0, 0, []];
  process.send({ count, requests, delays: question === 'delays' ? delays : [] });
});
process.on('disconnect', () => process.exit(0));
