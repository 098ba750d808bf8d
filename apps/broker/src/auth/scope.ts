import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** What a key may do. `admin` includes everything. */
export type Scope = 'publish' | 'subscribe' | 'read' | 'admin';

/** Who is calling: the key that was presented and what it may do. */
export interface Principal {
  keyId: string;
  scopes: readonly Scope[];
}

export const scopeMetadata = 'hookcast:scope';

/** Every route declares either a scope or that it is public; one that declares nothing is refused to everybody. */
export const RequireScope = (scope: Scope): CustomDecorator => SetMetadata(scopeMetadata, scope);

/** A route that needs no key. */
export const Public = (): CustomDecorator => SetMetadata(scopeMetadata, 'public');

export function allows(principal: Principal, scope: Scope): boolean {
  return principal.scopes.includes('admin') || principal.scopes.includes(scope);
}
