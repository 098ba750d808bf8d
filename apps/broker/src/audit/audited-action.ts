/** What a request does and to what, as the audit log names it. */
export interface AuditedAction {
  /** `<kind>.<verb>`: `subscription.put`, `key.rotate`, `topic.delete`. */
  action: string;
  /** `<kind>/<name>`, or the collection where a request names no member. */
  target: string;
}

/** They change nothing, or come every few seconds from every service. */
const unremarkable = new Set(['topic.events', 'service.heartbeat', 'subscription.match', 'reconciliation.create']);

const changing = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

export function isChanging(method: string): boolean {
  return changing.has(method);
}

export function isRemarkable(method: string, { action }: Pick<AuditedAction, 'action'>): boolean {
  return isChanging(method) && !unremarkable.has(action);
}

/**
 * Names an action after the route that serves it, so that a new route is in the audit log without anybody thinking
 * of it: `POST /v1/subscriptions/:name/rotate-secret` is `subscription.rotate-secret` of `subscription/<name>`.
 */
export function auditedAction(
  method: string,
  template: string,
  params: Readonly<Record<string, string | string[] | undefined>>,
): AuditedAction {
  const [collection = '', ...rest] = template.replace(/^\/?v1\//, '').split('/');
  const kind = singular(collection);
  const [member, ...verbs] = rest;
  if (member === undefined) return { action: `${kind}.${verbOf(method)}`, target: collection };
  if (!member.startsWith(':')) return { action: `${kind}.${rest.join('.')}`, target: collection };
  const name = params[member.slice(1)];
  const words = verbs.filter((word) => !word.startsWith(':'));
  // A verb of its own, unless the method is what tells two routes at one address apart.
  const verb = words.length > 0 && method === 'POST' ? words : [...words, verbOf(method)];
  return { action: `${kind}.${verb.join('.')}`, target: `${kind}/${typeof name === 'string' ? name : ''}` };
}

function verbOf(method: string): string {
  const verbs: Record<string, string> = { POST: 'create', PUT: 'put', PATCH: 'change', DELETE: 'delete' };
  return verbs[method] ?? 'read';
}

function singular(collection: string): string {
  return collection.endsWith('s') ? collection.slice(0, -1) : collection;
}
