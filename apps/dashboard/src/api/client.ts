import { RequestFailed, type Failure } from './failure.js';
import type { PageSession } from './session.js';

export type Query = Readonly<Record<string, string | number | undefined>>;

/** Without a touch for so long, what the page asks for does not keep the session alive. */
const attendedMs = 60_000;

/** The public API, as this page is let in: by the session's cookie and the proof that goes with it. */
export class ApiClient {
  private touchedAt = Date.now();

  constructor(private readonly session: Pick<PageSession, 'csrf'>) {}

  /** Somebody is there. */
  touch(): void {
    this.touchedAt = Date.now();
  }

  async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return parsed<T>(await this.send('GET', addressOf(path, query), { ...(signal && { signal }) }));
  }

  /** As it came: data of events may hold numbers that are larger than what JSON.parse can say. */
  async getText(path: string, query: Query = {}, signal?: AbortSignal): Promise<string> {
    return (await this.send('GET', addressOf(path, query), { ...(signal && { signal }) })).text();
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    return parsed<T>(await this.send('POST', path, { body: JSON.stringify(body) }));
  }

  async delete<T>(path: string): Promise<T> {
    return parsed<T>(await this.send('DELETE', path, {}));
  }

  private async send(method: string, path: string, init: RequestInit): Promise<Response> {
    const isUnattended = method === 'GET' && Date.now() - this.touchedAt > attendedMs;
    const response = await fetch(`v1/${path}`, {
      ...init,
      method,
      credentials: 'same-origin',
      headers: {
        'hookcast-csrf': this.session.csrf,
        ...(isUnattended && { 'hookcast-unattended': 'true' }),
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
      },
    });
    if (!response.ok) throw new RequestFailed(await failureIn(response));
    return response;
  }
}

async function parsed<T>(response: Response): Promise<T> {
  // What the broker answers is typed by its OpenAPI document; a test holds our types against its own.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return (response.status === 204 ? undefined : await response.json()) as T;
}

function addressOf(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

async function failureIn(response: Response): Promise<Failure> {
  const problem: unknown = await response.json().catch(() => undefined);
  const facts: Partial<Failure> = typeof problem === 'object' && problem !== null ? problem : {};
  return {
    status: response.status,
    code: facts.code ?? 'unknown',
    detail: facts.detail ?? response.statusText,
    errors: facts.errors ?? [],
  };
}

/** A name within a path. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}
