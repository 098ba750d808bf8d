import type { MapTopic } from './map.dto.js';

interface AsyncApiParts {
  topics: readonly MapTopic[];
  /** By topic, where there is one. */
  schemas: ReadonlyMap<string, Record<string, unknown>>;
  publicUrl: string;
  version: string;
}

const channelRef = (topic: string) => ({ $ref: `#/channels/${topic}` });

/**
 * The map as an AsyncAPI 3.0 document, as seen from the bus: it receives what services publish and sends to each hook.
 * Pure.
 */
export function asyncApi({ topics, schemas, publicUrl, version }: AsyncApiParts): Record<string, unknown> {
  const { protocol, host, pathname } = new URL(publicUrl);
  const base = pathname === '/' ? '' : pathname;
  return {
    asyncapi: '3.0.0',
    info: { title: 'Hookcast', version, description: 'Topics of the bus, who may publish to them and who subscribes.' },
    defaultContentType: 'application/json',
    servers: { bus: { host, protocol: protocol.slice(0, -1), ...(base !== '' && { pathname: base }) } },
    channels: Object.fromEntries(topics.map(({ name }) => [name, channel(name, schemas.get(name))])),
    operations: Object.fromEntries(topics.flatMap(operations)),
  };
}

function channel(name: string, schema: Record<string, unknown> | undefined): object {
  const payload = schema && { schemaFormat: 'application/schema+json;version=draft-2020-12', schema };
  return { address: `/v1/topics/${name}/events`, messages: { event: { name, ...(payload && { payload }) } } };
}

function operations({ name, publishers, subscriptions }: MapTopic): [string, object][] {
  const by = publishers.map((one) => `${one.kind} ${one.name}`).join(', ');
  const receive = { action: 'receive', channel: channelRef(name), ...(by !== '' && { summary: `Published by ${by}` }) };
  return [
    [`receive/${name}`, receive],
    ...subscriptions.map(({ name: subscription, service }): [string, object] => [
      `send/${name}/${subscription}`,
      {
        action: 'send',
        channel: channelRef(name),
        title: subscription,
        ...(service !== null && { tags: [{ name: service }] }),
      },
    ]),
  ];
}
