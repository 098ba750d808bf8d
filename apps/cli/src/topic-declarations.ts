import { compile } from 'json-schema-to-typescript';
import { CommandError } from './command.js';

export interface TopicSchema {
  name: string;
  schema: Record<string, unknown>;
}

/**
 * A TypeScript file that adds the topics to the global `HookcastTopics`. Each has a namespace of its own, since schemas name
 * their parts without regard to each other. The same schemas give the same text, whatever order they come in.
 *
 * @throws {CommandError} that names the topic whose schema has no type
 */
export async function declarationsOf(topics: readonly TopicSchema[]): Promise<string> {
  const sorted = topics.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const names = namespacesOf(sorted.map(({ name }) => name));
  const members = sorted.map(({ name }) => `    '${name}': ${names.get(name)}.Data;\n`);
  const namespaces = await Promise.all(
    sorted.map(
      async (topic) => `\nexport declare namespace ${names.get(topic.name)} {\n${indented(await typesOf(topic))}}\n`,
    ),
  );
  return `// Written by \`hookcast types\` out of the schemas of the topics: run it again instead of changing this file.
declare global {
  interface HookcastTopics {
${members.join('')}  }
}
${namespaces.join('')}${namespaces.length === 0 ? '\nexport {};\n' : ''}`;
}

async function typesOf({ name, schema }: TopicSchema): Promise<string> {
  // Without them the type of the whole is named Data.
  const { title: _title, $id: _id, ...unnamed } = schema;
  try {
    return await compile(unnamed, 'Data', {
      bannerComment: '',
      format: false,
      // What a schema points at outside of itself is never fetched or read.
      $refOptions: { resolve: { external: false, file: false, http: false } },
    });
  } catch (error) {
    throw new CommandError(
      `The schema of ${name} has no type: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** `orders.created` is OrdersCreated; topics that would get the same name are numbered. */
function namespacesOf(topics: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Map<string, number>();
  for (const topic of topics) {
    const words = topic.split(/[._-]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
    const name = words.join('').replace(/^(?=\d)/, 'Topic');
    const count = (taken.get(name) ?? 0) + 1;
    taken.set(name, count);
    names.set(topic, count === 1 ? name : `${name}_${count}`);
  }
  return names;
}

const indented = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => `${line === '' ? '' : '  '}${line}\n`)
    .join('');
