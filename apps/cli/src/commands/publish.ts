import { text } from 'node:stream/consumers';
import { createPublisher } from '@hookcast/publisher';
import { textOf, UsageError, type Command } from '../command.js';

export const publish: Command = {
  usage: 'publish <topic> [json|-] [--id ID] [--ordering-key KEY]',
  summary: 'Publish one event; `-` or nothing reads its JSON from standard input.',
  options: { id: { type: 'string' }, 'ordering-key': { type: 'string' } },
  run: async ({ broker, positionals, values, say }) => {
    const [topic, given = '-'] = positionals;
    if (topic === undefined || positionals.length > 2) throw new UsageError('A topic and at most one payload, please.');
    const payload = parsed(given === '-' ? await text(process.stdin) : given);
    const [id, key] = [textOf(values['id']), textOf(values['ordering-key'])];
    const publisher = createPublisher({ url: broker.address.url, apiKey: broker.address.key });
    try {
      const receipt = await publisher.publish(topic, payload, {
        ...(id !== undefined && { id }),
        ...(key !== undefined && { key }),
      });
      say(JSON.stringify(receipt));
    } finally {
      await publisher.close();
    }
    return 0;
  },
};

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    throw new UsageError('The payload is not JSON.');
  }
}
