import type { HttpServer } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';

/** There is none yet in a testing module, and never one in an application context, whatever the type says. */
export function adapterOf(host: HttpAdapterHost): HttpServer | undefined {
  const adapter: HttpServer | null | undefined = host.httpAdapter;
  return adapter ?? undefined;
}

/** Calls back with the adapter of an application, now or as soon as it has one. */
export function onAdapter(host: HttpAdapterHost, call: (adapter: HttpServer) => void): void {
  const given = adapterOf(host);
  if (given !== undefined) return call(given);
  onceSet(host, () => {
    const adapter = adapterOf(host);
    if (adapter !== undefined) call(adapter);
  });
}

/** Calls back when a host gets its adapter. */
function onceSet(host: HttpAdapterHost, set: () => void): void {
  const { init$ }: Partial<HttpAdapterHost> = host;
  if (init$ !== undefined) {
    init$.subscribe(set);
    return;
  }
  // Nest 10, and early versions of 11, tell nobody.
  let adapter: unknown;
  Object.defineProperty(host, 'httpAdapter', {
    configurable: true,
    get: () => adapter,
    set: (given: unknown) => {
      adapter = given;
      set();
    },
  });
}
