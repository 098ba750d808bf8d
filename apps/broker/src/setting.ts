/** The verdict on the text of one setting. `reason` completes the sentence "NAME must …". */
export type Parsed<T> = { kind: 'ok'; value: T } | { kind: 'bad'; reason: string };

type Parser<T> = (text: string) => Parsed<T>;

/** One environment variable: how to read it and what to tell an operator about it. */
export interface Setting<T> {
  readonly variable: string;
  readonly doc: string;
  /** What the reference shows in the default column. */
  readonly shown: string;
  readonly fallback: T;
  /** Secrets are never echoed in an error. */
  readonly secret: boolean;
  readonly parse: Parser<T>;
}

interface SettingOptions<T> {
  doc: string;
  parse: Parser<T>;
  fallback: T;
  shown?: string;
  secret?: boolean;
}

export function setting<T>(variable: string, options: SettingOptions<T>): Setting<T> {
  return {
    variable,
    doc: options.doc,
    fallback: options.fallback,
    shown: options.shown ?? String(options.fallback),
    secret: options.secret ?? false,
    parse: options.parse,
  };
}

const ok = <T>(value: T): Parsed<T> => ({ kind: 'ok', value });
const bad = (reason: string): { kind: 'bad'; reason: string } => ({ kind: 'bad', reason });

export function wholeNumber(min: number, max: number): Parser<number> {
  return (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max
      ? ok(value)
      : bad(`be a whole number from ${min} to ${max}`);
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Parser<T> {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    return found === undefined ? bad(`be one of ${choices.join(', ')}`) : ok(found);
  };
}

export const flag: Parser<boolean> = (text) =>
  text === 'true' || text === 'false' ? ok(text === 'true') : bad('be true or false');

export const hostName: Parser<string> = (text) =>
  /^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? ok(text) : bad('be a host name or an IP address');

export const directory: Parser<string> = (text) =>
  text.includes('\0') ? bad('be a path without NUL bytes') : ok(text);

export const postgresUrl: Parser<string | undefined> = (text) => {
  // Not by the URL parser: it refuses the form of a socket directory, postgresql://user@/database?host=/run/postgresql.
  return /^postgres(?:ql)?:\/\/\S+$/.test(text)
    ? ok(text)
    : bad('be a URL like postgresql://user:password@host:5432/database');
};

/** The base URL under which others reach the broker, without a trailing slash. */
export const baseUrl: Parser<string | undefined> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable = url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '';
  return usable ? ok(text.replace(/\/+$/, '')) : bad('be an http or https URL without query, fragment or user');
};

/** A forward proxy that is asked for tunnels. */
export const forwardProxy: Parser<string | undefined> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable = url?.protocol === 'http:' && url.pathname === '/' && url.search === '' && url.hash === '';
  return usable ? ok(text) : bad('be a URL like http://user:password@proxy:3128');
};

export const adminKey: Parser<string | undefined> = (text) =>
  // A header carries other characters in more than one way, so that a client might never send the same key.
  /^[\x20-\x7e]{32,}$/.test(text) ? ok(text) : bad('have at least 32 characters, all of printable ASCII');

/** 32 bytes as base64 (either alphabet). */
export const encryptionKey: Parser<Buffer | undefined> = (text) => {
  const key = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (key?.length !== 32) return bad('be 32 bytes in base64, as `openssl rand -base64 32` writes them');
  return isExample(key) ? bad('be random: this one is an example') : ok(key);
};

/** Few different bytes, or each as far from the one before: nobody's dice fall like that. */
function isExample(key: Buffer): boolean {
  const steps = [...key.subarray(1)].map((byte, index) => (byte - (key[index] ?? 0) + 256) % 256);
  return new Set(key).size < 8 || new Set(steps).size === 1;
}
