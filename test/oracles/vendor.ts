import { type RawRequest, type SourceConfig } from '@hookcast/sources';

/** A request, read the way the senders' libraries want it: text, single headers, one secret. */
export class VendorRequest {
  constructor(
    readonly raw: RawRequest,
    readonly source: SourceConfig,
  ) {}

  get body(): string {
    return this.raw.body.toString('utf8');
  }

  get secret(): string {
    return this.source.secrets[0] ?? '';
  }

  get publicKey(): string {
    return this.source.publicKeys?.[0] ?? '';
  }

  get url(): string {
    return this.source.callbackUrl ?? this.raw.url;
  }

  /** With lower-case names and repeated ones joined, as node:http gives them. */
  get headers(): Record<string, string> {
    const joined: Record<string, string> = {};
    for (const [name, value] of this.raw.headers) {
      const key = name.toLowerCase();
      joined[key] = joined[key] === undefined ? value : `${joined[key]}, ${value}`;
    }
    return joined;
  }

  /** The value of a header, or the empty text. */
  header(name: string): string {
    return this.headers[name.toLowerCase()] ?? '';
  }

  /** The fields of a form body, a repeated one as an array. */
  get form(): Record<string, string | string[]> {
    const fields = new URLSearchParams(this.body);
    return Object.fromEntries(
      [...new Set(fields.keys())].map((name) => {
        const values = fields.getAll(name);
        return [name, values.length === 1 ? (values[0] ?? '') : values];
      }),
    );
  }
}

/**
 * What a library out of this folder's own `package.json` exports. It comes without types: the packages are not installed
 * where the repository is only built, so each oracle says itself what it uses.
 */
export async function vendor<Exports>(name: string): Promise<Exports> {
  return (await import(name)) as Exports;
}

/** The verdict of a library that says no by `false` or by throwing, and yes by anything else. */
export async function passes(check: () => unknown): Promise<boolean> {
  try {
    return (await check()) !== false;
  } catch {
    return false;
  }
}
