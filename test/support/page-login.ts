import type { TestBroker } from './app.js';

/** Somebody who is logged in to the page. */
export interface PageLogin {
  cookie: string;
  csrf: string;
  /** What the page sends with every request. */
  headers: { cookie: string; 'hookcast-csrf': string };
}

export async function pageLogin(broker: TestBroker, key: string): Promise<PageLogin> {
  const body = new URLSearchParams({ key });
  const answer = await fetch(`${broker.url}/session`, { method: 'POST', redirect: 'manual', body });
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const page = await (await fetch(`${broker.url}/`, { headers: { cookie } })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
  return { cookie, csrf, headers: { cookie, 'hookcast-csrf': csrf } };
}
