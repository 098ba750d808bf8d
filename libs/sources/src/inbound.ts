import { type RawRequest } from './reception.js';

export type HeaderLookup =
  { readonly kind: 'one'; readonly value: string } | { readonly kind: 'missing' } | { readonly kind: 'repeated' };

const missing: HeaderLookup = { kind: 'missing' };
const repeated: HeaderLookup = { kind: 'repeated' };

/** A raw request, read lazily: nothing is parsed before somebody asks for it, which is after verification. */
export class Inbound {
  readonly method: string;
  private parsedQuery: URLSearchParams | undefined;
  private parsedForm: URLSearchParams | undefined;
  private parsedDocument: { value: unknown } | undefined;

  constructor(readonly raw: RawRequest) {
    this.method = raw.method.toUpperCase();
  }

  get body(): Buffer {
    return this.raw.body;
  }

  /** @param name lower case */
  header(name: string): HeaderLookup {
    let found: string | undefined;
    for (const [key, value] of this.raw.headers) {
      if (key.length !== name.length || key.toLowerCase() !== name) continue;
      if (found !== undefined) return repeated;
      found = value;
    }
    return found === undefined ? missing : { kind: 'one', value: found };
  }

  /** The header's value when it occurs exactly once. */
  headerText(name: string): string | undefined {
    const lookup = this.header(name);
    return lookup.kind === 'one' ? lookup.value : undefined;
  }

  hasHeader(name: string): boolean {
    return this.header(name).kind !== 'missing';
  }

  /** The query as it was sent, with its question mark, or the empty text. */
  get search(): string {
    const url = this.raw.url.split('#', 1)[0] ?? '';
    const start = url.indexOf('?');
    return start < 0 ? '' : url.slice(start);
  }

  get query(): URLSearchParams {
    return (this.parsedQuery ??= parseForm(this.search.slice(1)));
  }

  /** The query parameter when it occurs exactly once. */
  queryText(name: string): string | undefined {
    return only(this.query.getAll(name));
  }

  get form(): URLSearchParams {
    return (this.parsedForm ??= parseForm(this.body.toString('utf8')));
  }

  /** The form field when it occurs exactly once. */
  formText(name: string): string | undefined {
    return only(this.form.getAll(name));
  }

  /** The media type without parameters, lower case; empty when there is none. */
  get mediaType(): string {
    return (this.headerText('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  get isForm(): boolean {
    return this.mediaType === 'application/x-www-form-urlencoded';
  }

  /** The body as JSON; in a form, the JSON of its `payload` field (GitHub, Slack); else undefined. */
  get document(): unknown {
    this.parsedDocument ??= { value: parseJson(this.isForm ? (this.formText('payload') ?? '') : this.body) };
    return this.parsedDocument.value;
  }
}

/** `application/x-www-form-urlencoded`, of a body or a query; never fails. */
export function parseForm(text: string): URLSearchParams {
  // The constructor drops a leading question mark, which in a body is data; an empty first pair keeps it.
  return new URLSearchParams(`&${text}`);
}

/** What an encoder would have escaped, and escapes that none writes. */
const notEncoded = /[^\x21-\x7e]|%(?![0-9A-F]{2})/;

/**
 * Whether a form is written the way encoders write it: every pair has its `=`, escapes are in capitals, nothing is left
 * raw. For schemes that sign decoded keys and values run together, where other spellings would keep the signature.
 */
export function isPlainForm(body: Buffer): boolean {
  const text = body.toString('latin1');
  return !notEncoded.test(text) && (text === '' || text.split('&').every((pair) => pair.includes('=')));
}

/** The value, or undefined when the text is not JSON. */
export function parseJson(text: string | Buffer): unknown {
  try {
    const value: unknown = JSON.parse(withoutByteOrderMark(text).toString());
    return value;
  } catch {
    return undefined;
  }
}

function withoutByteOrderMark(text: string | Buffer): string | Buffer {
  if (typeof text === 'string') return text;
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text;
}

function only(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}
