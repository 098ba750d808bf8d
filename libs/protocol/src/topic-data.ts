declare global {
  /**
   * What the data of each topic is, for whoever publishes and receives in TypeScript. Empty until a program adds to it, by
   * hand or with `hookcast types`; topics that are not in it take anything.
   *
   * @example
   * declare global {
   *   interface HookcastTopics {
   *     'orders.created': { orderId: string; total: number };
   *   }
   * }
   */
  // Global, and an interface: the SDKs may be loaded as ESM and as CommonJS in one program, and each copy must see the same.
  interface HookcastTopics {}
}

/** Any topic; those of `HookcastTopics` are offered by editors. */
// oxlint-disable-next-line typescript/no-redundant-type-constituents -- until a program adds topics
export type TopicName = (keyof HookcastTopics & string) | (string & {});

/** The data of a topic, unknown when it is not in `HookcastTopics`. */
export type TopicData<T extends string> = T extends keyof HookcastTopics ? HookcastTopics[T] : unknown;
