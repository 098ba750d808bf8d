// A service that publishes as fast as it is answered, into a spool while the broker is away. Prints the id of each event
// once it is told that the event is safe. `node spool-publisher.mjs <url> <directory> <prefix>`
import { createPublisher } from '@hookcast/publisher';

const [url, directory, prefix] = process.argv.slice(2);
const bus = createPublisher({ url, apiKey: 'good-key', mode: 'spool', spool: { directory } });
for (let at = 0; ; at += 1) {
  const id = `${prefix}-${at}`;
  await bus.publish('orders', { at, filler: 'x'.repeat(300) }, { id, key: 'k' });
  process.stdout.write(`${id}\n`);
}
