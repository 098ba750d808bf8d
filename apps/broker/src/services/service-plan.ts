import type { Subscription } from '@hookcast/database';
import type { Declaration } from '../subscriptions/subscription-declarations.js';
import type { ServicePlan } from './service.dto.js';

/**
 * What it takes to turn the stored subscriptions of a service into the declared ones.
 *
 * @param stored every subscription that belongs to the service or has one of the declared names
 */
export function planOf(
  service: string,
  declarations: readonly Declaration[],
  stored: readonly Subscription[],
  isMet: (subscription: Subscription, declaration: Declaration) => boolean,
): ServicePlan {
  const plan: ServicePlan = { created: [], updated: [], unchanged: [], removed: [] };
  for (const declaration of declarations) {
    const existing = stored.find(({ name }) => name === declaration.name);
    if (!existing) plan.created.push(declaration.name);
    else plan[isMet(existing, declaration) ? 'unchanged' : 'updated'].push(declaration.name);
  }
  const declared = new Set(declarations.map(({ name }) => name));
  plan.removed = stored.filter((one) => one.service === service && !declared.has(one.name)).map(({ name }) => name);
  return plan;
}

/** Declared names that belong to another service already. */
export function foreignNames(
  service: string,
  declarations: readonly Declaration[],
  stored: readonly Subscription[],
): string[] {
  const foreign = stored.filter((one) => one.service !== null && one.service !== service).map(({ name }) => name);
  return declarations.map(({ name }) => name).filter((name) => foreign.includes(name));
}
