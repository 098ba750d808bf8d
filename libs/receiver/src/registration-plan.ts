/** What declaring the subscriptions of a service would do, by their names. */
export interface RegistrationPlan {
  service: string;
  created: readonly string[];
  updated: readonly string[];
  unchanged: readonly string[];
  /** These go with everything that waits for them. */
  removed: readonly string[];
}

/** Reads the plan out of the broker's answer; what it does not list is empty. */
export function planFrom(service: string, answer: unknown): RegistrationPlan {
  const plan: unknown = answer instanceof Object ? Reflect.get(answer, 'plan') : undefined;
  const names = (change: string): string[] => {
    const list: unknown = plan instanceof Object ? Reflect.get(plan, change) : undefined;
    return Array.isArray(list) ? list.map(String) : [];
  };
  return {
    service,
    created: names('created'),
    updated: names('updated'),
    unchanged: names('unchanged'),
    removed: names('removed'),
  };
}

/** A plan for people, one line for each subscription that changes. */
export function planText({ service, created, updated, unchanged, removed }: RegistrationPlan): string {
  const changes = [
    ...created.map((name) => `+ ${name}`),
    ...updated.map((name) => `~ ${name}`),
    ...removed.map((name) => `- ${name} (with its backlog)`),
  ];
  const head = changes.length === 0 ? `${service}: nothing changes` : `${service}:`;
  return [head, ...changes, `${unchanged.length} unchanged`].join('\n  ');
}
