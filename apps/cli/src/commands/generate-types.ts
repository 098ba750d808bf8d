import { writeFile } from 'node:fs/promises';
import { textOf, type Command } from '../command.js';
import { declarationsOf, type TopicSchema } from '../topic-declarations.js';

export const types: Command = {
  usage: 'types [--out FILE]',
  summary: "Write TypeScript types of the events, out of the topics' JSON Schemas.",
  options: { out: { type: 'string' } },
  run: async ({ broker, values, say }) => {
    const schemas: TopicSchema[] = [];
    for await (const { name, schema } of broker.list<{ name: string; schema: TopicSchema['schema'] | null }>(
      '/v1/topics',
    )) {
      if (schema !== null) schemas.push({ name, schema });
    }
    const text = await declarationsOf(schemas);
    const out = textOf(values['out']);
    if (out === undefined) say(text.trimEnd());
    else {
      await writeFile(out, text);
      say(`${out}: ${schemas.length} topic(s) with a schema.`);
    }
    return 0;
  },
};
