import { adminKey, type TestBroker } from '../support/app.js';
import { pageLogin } from '../support/page-login.js';

/** What a caller may: a scope with everything in it, or nothing but what any key is good for. */
export type May = 'publish' | 'subscribe' | 'read' | 'admin' | 'little';

/** The headers by which a request says who sends it. */
export type Credentials = Record<string, string>;

/** A session is begun anew each time: a request may end it. */
export type Caller = () => Promise<Credentials>;

const scopes = { publish: 'publish:**', subscribe: 'subscribe:**', read: 'read', admin: 'admin' } as const;
const names = ['publish', 'subscribe', 'read', 'admin'] as const;

/** Callers that are known, with what they may. */
export const knownKinds: readonly (readonly [kind: string, may: May])[] = [
  ...names.flatMap((name) => [
    [name, name] as const,
    [`${name}, in the grace of its rotation`, name] as const,
    [`${name}, by a session of the page`, name] as const,
  ]),
  ['publish elsewhere', 'little'],
  ['subscribe elsewhere', 'little'],
  ['operator', 'admin'],
  ['operator, by a session of the page', 'admin'],
];

/** Those of other namespaces, each of one of its own. */
export const foreignKinds: readonly (readonly [kind: string, may: May])[] = [
  ...names.map((name) => [name, name] as const),
  ['admin, in the grace of its rotation', 'admin'],
  ['admin, by a session of the page', 'admin'],
];

/** Callers that are not known, or not any more. */
export const unknownKinds = [
  'none',
  'malformed',
  'wrong crc',
  'revoked',
  'expired',
  'past the grace of its rotation',
  'a cookie of no session',
  'a session that was ended',
  'a session of a key that was revoked',
  'a session of a key past its grace',
];

/** Sessions of an admin key without what proves that the page sent the request. */
export const unprovenKinds = ['a cookie without its proof', 'a cookie with another proof'];

export interface Callers {
  known: Record<string, Caller>;
  foreign: Record<string, Caller>;
  unknown: Record<string, Caller>;
  unproven: Record<string, Caller>;
}

interface Made {
  id: string;
  key: string;
}

const bearer = (key: string): Credentials => ({ authorization: `Bearer ${key}` });
const always =
  (credentials: Credentials): Caller =>
  async () =>
    credentials;

export async function credentialsOf(group: Record<string, Caller>, kind: string): Promise<Credentials> {
  const caller = group[kind];
  if (!caller) throw new Error(`Nobody is ${kind}.`);
  return caller();
}

/** A clock that stands still between two passes. */
interface MovedClock {
  now(): Date;
  pass(ms: number): void;
}

/** Makes one of every kind. Afterwards a key is past its expiry, and another past its grace. */
export async function makeCallers(broker: TestBroker, clock: MovedClock): Promise<Callers> {
  const maker = new CallerMaker(broker);
  const expiresAt = new Date(clock.now().getTime() + 1000).toISOString();
  const callers = {
    known: await maker.known(),
    foreign: await maker.foreign(),
    unknown: await maker.unknown(expiresAt),
    unproven: await maker.unproven(),
  };
  clock.pass(2000);
  return callers;
}

class CallerMaker {
  constructor(private readonly broker: TestBroker) {}

  async known(): Promise<Record<string, Caller>> {
    const callers: Record<string, Caller> = {};
    for (const name of names) Object.assign(callers, await this.everyForm(name));
    return {
      ...callers,
      'publish elsewhere': always(bearer((await this.make(['publish:elsewhere.*'])).key)),
      'subscribe elsewhere': always(bearer((await this.make(['subscribe:elsewhere.*'])).key)),
      operator: always(bearer(adminKey)),
      'operator, by a session of the page': this.session(adminKey),
    };
  }

  async foreign(): Promise<Record<string, Caller>> {
    const plain: Record<string, Caller> = {};
    for (const name of names) plain[name] = always(bearer(await this.abroad(name, `other-${name}`)));
    const rotated = await this.abroad('admin', 'other-rotated');
    const id = rotated.split('_')[1] ?? '';
    await this.rotate({ id, key: rotated }, 3600, rotated);
    return {
      ...plain,
      'admin, in the grace of its rotation': always(bearer(rotated)),
      'admin, by a session of the page': this.session(await this.abroad('admin', 'other-session')),
    };
  }

  /** @param expiresAt in a moment */
  async unknown(expiresAt: string): Promise<Record<string, Caller>> {
    const revoked = await this.make(['admin']);
    const rotated = await this.make(['admin']);
    const ended = (await pageLogin(this.broker, (await this.make(['admin'])).key)).headers;
    const sessionOfRevoked = (await pageLogin(this.broker, revoked.key)).headers;
    const sessionOfRotated = (await pageLogin(this.broker, rotated.key)).headers;
    await this.broker.call('DELETE', `/v1/keys/${revoked.id}`);
    await this.rotate(rotated, 1);
    const form = new URLSearchParams({ csrf: ended['hookcast-csrf'] });
    await fetch(`${this.broker.url}/session/end`, { method: 'POST', headers: ended, body: form, redirect: 'manual' });
    return {
      none: always({}),
      malformed: always(bearer('not a key')),
      'wrong crc': always(bearer(`${revoked.key.slice(0, -1)}${revoked.key.endsWith('0') ? '1' : '0'}`)),
      revoked: always(bearer(revoked.key)),
      expired: always(bearer((await this.make(['admin'], { expiresAt })).key)),
      'past the grace of its rotation': always(bearer(rotated.key)),
      'a cookie of no session': always({ ...ended, cookie: `hookcast=${'x'.repeat(43)}` }),
      'a session that was ended': always(ended),
      'a session of a key that was revoked': always(sessionOfRevoked),
      'a session of a key past its grace': always(sessionOfRotated),
    };
  }

  async unproven(): Promise<Record<string, Caller>> {
    const { headers } = await pageLogin(this.broker, adminKey);
    const other = await pageLogin(this.broker, adminKey);
    return {
      'a cookie without its proof': always({ cookie: headers.cookie }),
      'a cookie with another proof': always({ ...headers, 'hookcast-csrf': other.csrf }),
    };
  }

  private async everyForm(name: (typeof names)[number]): Promise<Record<string, Caller>> {
    const rotated = await this.make([scopes[name]]);
    await this.rotate(rotated, 3600);
    return {
      [name]: always(bearer((await this.make([scopes[name]])).key)),
      [`${name}, in the grace of its rotation`]: always(bearer(rotated.key)),
      [`${name}, by a session of the page`]: this.session((await this.make([scopes[name]])).key),
    };
  }

  private session(key: string): Caller {
    return async () => (await pageLogin(this.broker, key)).headers;
  }

  private async abroad(name: (typeof names)[number], namespace: string): Promise<string> {
    return (await this.make([scopes[name]], { namespace })).key;
  }

  private async make(given: readonly string[], more: object = {}): Promise<Made> {
    const { status, body, text } = await this.broker.call<Made>('POST', '/v1/keys', {
      name: 'k',
      scopes: given,
      ...more,
    });
    if (status !== 201) throw new Error(text);
    return body;
  }

  /** @param by the key that asks, where that is not the operator's */
  private async rotate({ id }: Made, graceSeconds: number, by = adminKey): Promise<void> {
    const options = { authorization: `Bearer ${by}` };
    const { status, text } = await this.broker.call('POST', `/v1/keys/${id}/rotate`, { graceSeconds }, options);
    if (status !== 200) throw new Error(text);
  }
}
