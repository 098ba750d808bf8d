import { CommandError } from './command.js';

/** Where the broker is and with which key it is asked. */
export interface Address {
  url: string;
  key: string | undefined;
}

export interface Answer<T> {
  status: number;
  body: T;
}

/** The broker's HTTP interface. */
export class Broker {
  constructor(readonly address: Address) {}

  /** @throws CommandError for everything but a 2xx */
  async ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const answer = await this.answer<T>(method, path, body, signal);
    if (answer.status < 300) return answer.body;
    const hint = answer.status === 401 ? ' Say the key with --key, or set HOOKCAST_KEY.' : '';
    throw new CommandError(`${method} ${path}: ${answer.status} ${detailOf(answer.body)}${hint}`);
  }

  /** Every page of a list. */
  async *list<T>(path: string): AsyncGenerator<T> {
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = `limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: { items: T[]; nextCursor: string | null } = await this.ask('GET', `${path}?${query}`);
      yield* page.items;
      cursor = page.nextCursor;
    }
  }

  /** @throws CommandError when there is nothing that answers */
  async answer<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer<T>> {
    const { url } = this.address;
    const response = await this.fetch(path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw new CommandError(`Nothing answers at ${url} (${reasonOf(error)}). Set HOOKCAST_URL, or start the broker.`);
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const parsed: T = isJson && text !== '' ? JSON.parse(text) : undefined;
    return { status: response.status, body: parsed };
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    const { url, key } = this.address;
    const headers = {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(init.body !== undefined && { 'content-type': 'application/json' }),
    };
    return fetch(`${url}${path}`, { ...init, headers });
  }
}

function detailOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : '';
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.message : String(error);
}
