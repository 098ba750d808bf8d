import type { Command } from '../command.js';
import { table } from '../table.js';

interface Listed {
  name: string;
  state: string;
  topics: string[];
  backlog: number;
  oldestPendingAt: string | null;
  url: string;
}

export const subscriptions: Command = {
  usage: 'subscriptions',
  summary: 'List the subscriptions and how far they are behind.',
  run: async ({ broker, say }) => {
    const rows: string[][] = [];
    for await (const one of broker.list<Listed>('/v1/subscriptions')) {
      rows.push([one.name, one.state, one.topics.join(','), String(one.backlog), one.oldestPendingAt ?? '-', one.url]);
    }
    say(table(['subscription', 'state', 'topics', 'backlog', 'oldest pending', 'hook'], rows));
    return 0;
  },
};
