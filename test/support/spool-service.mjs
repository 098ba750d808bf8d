// A service that publishes in its handler, in the mode spool, beside handlers that do without.
// `node spool-service.mjs <broker url> <api key> <topic> <spool directory> <port>`
//   POST /publish/<id>   answers 204 once the event is published; in a spool that is synced by default
//   POST /unsynced/<id>  the same with `fsync: 'interval'`
//   POST /plain          answers 204 at once: what the service and the machine take
//   POST /write          answers 204 once as many bytes are written and synced by hand: what the disk takes
//   POST /figures        events that wait, and the event loop's delay since the last look
import { open } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createPublisher } from '@hookcast/publisher';

const [url, apiKey, topic, directory, port] = process.argv.slice(2);
const publisher = (spool) => createPublisher({ url, apiKey, mode: 'spool', spool });
const synced = publisher({ directory: join(directory, 'synced') });
const unsynced = publisher({ directory: join(directory, 'unsynced'), fsync: 'interval' });
const file = await open(join(directory, 'by-hand'), 'w');
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const payload = { filler: 'x'.repeat(300) };

function figures() {
  const text = JSON.stringify({
    spooled: synced.spooled.events + unsynced.spooled.events,
    p99Ms: delay.percentile(99) / 1e6,
    maxMs: delay.max / 1e6,
  });
  delay.reset();
  return text;
}

async function answer(path) {
  if (path === '/plain') return '';
  if (path === '/figures') return figures();
  if (path === '/write') {
    await file.appendFile(Buffer.alloc(500, 'x'));
    await file.datasync();
    return '';
  }
  const [, kind, id] = path.split('/');
  await (kind === 'unsynced' ? unsynced : synced).publish(topic, payload, { id, key: kind });
  return '';
}

http
  .createServer((request, response) => {
    request.resume();
    answer(request.url).then(
      (body) => response.writeHead(body === '' ? 204 : 200).end(body),
      (error) => response.writeHead(500).end(String(error)),
    );
  })
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
