import { createRequire } from 'node:module';
import fc from 'fast-check';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { receive } from './receive.js';
import { type RawRequest, type SourceConfig } from './reception.js';
import { sign } from './sign.js';
import { toSourceEvent, topicFor } from './source-event.js';

const now = new Date();

interface Example {
  name: string;
  examples: { action?: string; repository?: { full_name: string } }[];
}

const github: SourceConfig = { sender: 'github', secrets: ["It's a Secret to Everybody"] };
const catalogue = createRequire(import.meta.url)('@octokit/webhooks-examples') as Example[];
const payloads = catalogue.flatMap(({ name, examples }) => examples.map((payload) => ({ name, payload })));

function received(event: string, body: string) {
  const request = sign({ body, headers: { 'X-GitHub-Event': event, 'X-GitHub-Delivery': 'guid' } }, github, now);
  const reception = receive(request, github, now);
  return reception.kind === 'accepted' ? reception.items : [];
}

const published = payloads.filter(({ name }) => name !== 'ping');

test('every payload GitHub documents is accepted with its event, action and repository', () => {
  expect(published.length).toBeGreaterThan(300);
  for (const { name, payload } of published) {
    const body = JSON.stringify(payload);
    const eventType = payload.action === undefined ? name : `${name}.${payload.action}`;
    const [item] = received(name, body);
    expect(item).toMatchObject({ eventType, deliveryId: 'guid' });
    expect(item?.data.toString()).toBe(body);
    expect(item?.subject).toBe(payload.repository?.full_name);
    expect(topicFor('github.{type}', 'github', eventType)).toBe(`github.${eventType}`);
  }
});

test('redeliveries of one GitHub delivery have one event id', () => {
  const request = sign(
    { body: '{}', headers: { 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': 'guid-1' } },
    github,
    now,
  );
  const ids = [now, new Date(now.getTime() + 86_400_000)].map((at) => {
    const reception = receive(request, github, at);
    const [item] = reception.kind === 'accepted' ? reception.items : [];
    return item && toSourceEvent(item, { name: 'code', sender: 'github' }).id;
  });
  expect(ids).toEqual(['code:guid-1', 'code:guid-1']);
});

const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const library = new Webhook(secret);
const textHeaders = (request: RawRequest) => Object.fromEntries(request.headers);

test('what the standardwebhooks library signs we accept, and what we sign it accepts', () => {
  const source: SourceConfig = { sender: 'standard-webhooks', secrets: [secret] };
  fc.assert(
    fc.property(fc.json(), fc.uuid(), (body, id) => {
      const headers: [string, string][] = [
        ['webhook-id', id],
        ['webhook-timestamp', String(Math.floor(now.getTime() / 1000))],
        ['webhook-signature', library.sign(id, now, body)],
      ];
      const theirs: RawRequest = { method: 'POST', url: '/', headers, body: Buffer.from(body) };
      expect(receive(theirs, source, now)).toMatchObject({ kind: 'accepted', items: [{ deliveryId: id }] });
      const ours = sign({ body, headers: { 'webhook-id': id } }, source, now);
      expect(library.verify(ours.body, textHeaders(ours))).toEqual(JSON.parse(body));
    }),
  );
});

test('the standardwebhooks library and we refuse alike', () => {
  const source: SourceConfig = { sender: 'standard-webhooks', secrets: [secret] };
  const genuine = sign({ body: '{"a":1}' }, source, now);
  const change = (header: string, value: string): RawRequest => ({
    ...genuine,
    headers: genuine.headers.map(([name, old]): [string, string] => [name, name === header ? value : old]),
  });
  const seconds = Math.floor(now.getTime() / 1000);
  const requests = [
    { ...genuine, body: Buffer.from('{"a":2}') },
    change('webhook-id', 'other'),
    change('webhook-timestamp', String(seconds - 301)),
    change('webhook-timestamp', String(seconds + 301)),
    change('webhook-timestamp', 'now'),
    change('webhook-signature', 'v1,AAAA'),
    change('webhook-signature', 'v1a,AAAA'),
  ];
  for (const request of requests) {
    expect(receive(request, source, now).kind).toBe('refused');
    expect(() => library.verify(request.body, textHeaders(request))).toThrow(WebhookVerificationError);
  }
});
