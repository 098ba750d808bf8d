import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import { compilePattern, isTopicPattern } from '@hookcast/protocol';

/** What a route needs. `admin` includes everything. */
export type Scope = 'publish' | 'subscribe' | 'read' | 'admin';

/** What the scopes of a key amount to. */
export interface Grants {
  admin: boolean;
  read: boolean;
  /** Topic patterns. */
  publish: readonly string[];
  subscribe: readonly string[];
}

/** Who is calling: the key that was presented and what it may do. */
export interface Principal {
  keyId: string;
  name: string;
  /** What the key is confined to. */
  namespace: string;
  grants: Grants;
  /** Whether the key may publish to a topic; the patterns are compiled once. */
  publishesTo(topic: string): boolean;
}

export const scopeMetadata = 'hookcast:scope';

/** Every route declares either a scope or that it is public; one that declares nothing is refused to everybody. */
export const RequireScope = (scope: Scope): CustomDecorator => SetMetadata(scopeMetadata, scope);

/** A route that needs no key. */
export const Public = (): CustomDecorator => SetMetadata(scopeMetadata, 'public');

/** `read`, `admin`, `publish:<topic pattern>` or `subscribe:<topic pattern>`. */
export function isScopeText(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  const [, pattern] = /^(?:publish|subscribe):(.*)$/s.exec(text) ?? [];
  return pattern === undefined ? text === 'read' || text === 'admin' : isTopicPattern(pattern);
}

/** What a key says about its holder. */
export interface KeyIdentity {
  id: string;
  name: string;
  namespace: string;
  scopes: readonly string[];
}

/** Texts that are no scopes grant nothing. */
export function grantsOf(scopes: readonly string[]): Grants {
  const valid = scopes.filter(isScopeText);
  const patterns = (kind: string) =>
    valid.filter((scope) => scope.startsWith(`${kind}:`)).map((scope) => scope.slice(kind.length + 1));
  return {
    admin: valid.includes('admin'),
    read: valid.includes('read'),
    publish: patterns('publish'),
    subscribe: patterns('subscribe'),
  };
}

export function principalOf({ id, name, namespace, scopes }: KeyIdentity): Principal {
  const grants = grantsOf(scopes);
  const tests = grants.publish.map(compilePattern);
  return {
    keyId: id,
    name,
    namespace,
    grants,
    publishesTo: (topic) => grants.admin || tests.some((matches) => matches(topic)),
  };
}

/** Whether the key has the scope at all; which topics it is for is another question. */
export function allows({ grants }: Pick<Principal, 'grants'>, scope: Scope): boolean {
  if (grants.admin) return true;
  switch (scope) {
    case 'admin':
      return false;
    case 'read':
      return grants.read;
    case 'publish':
      return grants.publish.length > 0;
    case 'subscribe':
      return grants.subscribe.length > 0;
  }
}
