import type { Command } from '../command.js';
import { table } from '../table.js';

interface Topic {
  name: string;
  partitions: number;
  retentionDays: number | null;
  eventRate: number;
  lastEventAt: string | null;
}

export const topics: Command = {
  usage: 'topics',
  summary: 'List the topics.',
  run: async ({ broker, say }) => {
    const rows: string[][] = [];
    for await (const one of broker.list<Topic>('/v1/topics')) {
      const { name, partitions, retentionDays, eventRate, lastEventAt } = one;
      rows.push([name, String(partitions), String(retentionDays ?? '-'), String(eventRate), lastEventAt ?? 'never']);
    }
    say(table(['topic', 'partitions', 'days', 'events/s', 'last event'], rows));
    return 0;
  },
};
