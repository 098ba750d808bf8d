import { filterLimits } from './filter-limits.js';

/** JSON as filters see it: a number written without fraction and exponent is an integer, whatever its size. */
export type JsonValue = null | boolean | bigint | number | string | JsonValue[] | JsonObject;
export type JsonObject = Map<string, JsonValue>;

/** Thrown by `parseJson`, with the offset in characters. */
export class JsonError extends Error {
  constructor(
    detail: string,
    readonly offset: number,
  ) {
    super(detail);
  }
}

/**
 * Reads JSON (RFC 8259). `JSON.parse` cannot serve: it turns 9007199254740993 into another number and `1.0` into
 * an integer. Of a name that is there twice, the last one counts, as in `JSON.parse`.
 *
 * @throws JsonError when the text is not JSON or nested deeper than the limit.
 */
export function parseJson(text: string): JsonValue {
  return new JsonReader(text).document();
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
/** Up to here the digits of an integer fit a double exactly, and a double becomes a BigInt faster than text does. */
const safeDigits = 15;

class JsonReader {
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  document(): JsonValue {
    const value = this.#value();
    this.#space();
    if (this.#at < this.text.length) throw this.#wrong();
    return value;
  }

  #value(): JsonValue {
    this.#space();
    switch (this.text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#nested(() => this.#object());
      case 0x5b:
        return this.#nested(() => this.#array());
      case 0x22:
        return this.#string();
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > filterLimits.dataDepth) throw new JsonError('the data is nested too deeply', this.#at);
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): JsonObject {
    const members: JsonObject = new Map();
    this.#at += 1;
    if (this.#takes(0x7d)) return members;
    do {
      this.#space();
      if (this.text.charCodeAt(this.#at) !== 0x22) throw this.#wrong();
      const name = this.#string();
      if (!this.#takes(0x3a)) throw this.#wrong();
      members.set(name, this.#value());
    } while (this.#takes(0x2c));
    if (!this.#takes(0x7d)) throw this.#wrong();
    return members;
  }

  #array(): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#takes(0x5d)) return items;
    do items.push(this.#value());
    while (this.#takes(0x2c));
    if (!this.#takes(0x5d)) throw this.#wrong();
    return items;
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    let plain = true;
    for (;;) {
      end += 1;
      const code = this.text.charCodeAt(end);
      if (code === 0x22) break;
      if (code === 0x5c) {
        plain = false;
        end += 1;
      } else if (!(code >= 0x20)) throw this.#wrong();
    }
    this.#at = end + 1;
    if (plain) return this.text.slice(start + 1, end);
    return this.#unescaped(start, end + 1);
  }

  /** Escapes are rare in events, so the engine's own reader may do them. */
  #unescaped(start: number, end: number): string {
    try {
      return String(JSON.parse(this.text.slice(start, end)));
    } catch {
      throw new JsonError('not JSON', start);
    }
  }

  #number(): bigint | number {
    numberPattern.lastIndex = this.#at;
    const found = numberPattern.exec(this.text);
    if (found === null) throw this.#wrong();
    const [text, fraction, exponent] = found;
    this.#at += text.length;
    const integer = fraction === undefined && exponent === undefined && text.length <= filterLimits.integerDigits;
    if (!integer) return Number(text);
    return BigInt(text.length <= safeDigits ? Number(text) : text);
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) throw this.#wrong();
    this.#at += word.length;
    return value;
  }

  #takes(code: number): boolean {
    this.#space();
    if (this.text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    let code = this.text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.#at += 1;
      code = this.text.charCodeAt(this.#at);
    }
  }

  #wrong(): JsonError {
    return new JsonError('not JSON', this.#at);
  }
}
