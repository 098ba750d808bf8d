// The other end of every bench: a bare HTTP server of its own process that answers 204 and counts.
// Asked over IPC it tells how many requests came and, for bodies that carry `"sentAt":<ms>`, how late they were.
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';

let count = 0;
let delays = [];
const mark = Buffer.from('"sentAt":');

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    count += 1;
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    const at = body.indexOf(mark);
    if (at >= 0)
      delays.push(
        performance.timeOrigin +
          performance.now() -
          Number.parseFloat(body.toString('latin1', at + mark.length, at + mark.length + 20)),
      );
    response.writeHead(204).end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

process.on('message', (question) => {
  if (question === 'reset') [count, delays] = [0, []];
  process.send({ count, delays: question === 'delays' ? delays : [] });
});
process.on('disconnect', () => process.exit(0));
