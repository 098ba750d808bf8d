import { textOf, UsageError, type Command } from '../command.js';

interface TopicPage {
  items: unknown[];
  nextCursor: string | null;
}

export const tail: Command = {
  usage: 'tail <topic> [--from TIME]',
  summary: 'Print the events of a topic as they are published, one JSON line each, until Ctrl-C.',
  options: { from: { type: 'string' } },
  run: async ({ broker, positionals, values, say, signal }) => {
    const [topic] = positionals;
    if (topic === undefined || positionals.length > 1) throw new UsageError('One topic, please.');
    const path = `/v1/topics/${encodeURIComponent(topic)}/events`;
    let place = `from=${encodeURIComponent(textOf(values['from']) ?? 'latest')}`;
    while (!signal.aborted) {
      const page = await broker
        .ask<TopicPage>('GET', `${path}?${place}&wait=20s`, undefined, signal)
        .catch((error: unknown) => {
          if (!signal.aborted) throw error;
          return undefined;
        });
      for (const event of page?.items ?? []) say(JSON.stringify(event));
      if (page && page.nextCursor !== null) place = `after=${encodeURIComponent(page.nextCursor)}`;
    }
    return 0;
  },
};
