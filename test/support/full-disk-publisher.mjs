// A service whose broker is away and whose disk takes no large files. Prints what became of large and small events.
// `node full-disk-publisher.mjs <spool directory>`
import { createPublisher } from '@hookcast/publisher';

const bus = createPublisher({
  url: 'http://127.0.0.1:9',
  apiKey: 'key',
  mode: 'spool',
  spool: { directory: process.argv[2] },
});
const publish = (id, length) =>
  bus.publish('orders', 'x'.repeat(length), { id }).then(
    ({ spooled }) => ({ id, spooled }),
    ({ reason, retryable, cause }) => ({ reason, retryable, cause: cause.code }),
  );
const large = [];
for (let at = 0; at < 20; at += 1) large.push(await publish(`large-${at}`, 5_000));
const small = [];
for (let at = 0; at < 3; at += 1) small.push(await publish(`e${at}`, 10));
process.stdout.write(JSON.stringify({ large, small, waiting: bus.spooled.events }));
await bus.close({ timeoutMs: 0 });
