/** Injection token of the HookClient for what sources fetch: certificates, confirmations and WebSub topics. */
export const SOURCES_CLIENT = Symbol('sources client');

/** Certificate chains and feeds are larger than the answers of hooks. */
export const storedResponseBytes = 65_536;
export const fetchTimeoutMs = 10_000;
