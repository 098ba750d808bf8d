/**
 * A CloudEvent 1.0 as Hookcast carries it: the attributes as text and the data as the bytes the publisher sent.
 * `specversion` is not a member, because it is "1.0" for every event.
 * Source: CloudEvents 1.0.2, core specification.
 */
export interface CloudEvent {
  /** 1 to 128 visible ASCII characters; unique for the source. */
  id: string;
  /** A URI reference that says who produced the event. */
  source: string;
  type: string;
  subject?: string;
  /** RFC 3339, kept in the spelling it was given in. */
  time?: string;
  /** An absolute URI. */
  dataschema?: string;
  /** The media type of `data`. */
  datacontenttype?: string;
  /** Every other attribute. Names are lower-case letters and digits; numbers and booleans keep their JSON text. */
  extensions: Readonly<Record<string, string>>;
  /** Names of extensions that are Integers or Booleans, which the JSON format writes as such; absent when none is. */
  scalars?: readonly string[];
  /** The exact bytes; absent when the event has no data, which is not the same as empty data or JSON `null`. */
  data?: Buffer;
}

/** One thing wrong with an input. `pointer` is a JSON pointer into the body, or `/<header name>` for a header. */
export interface ParseError {
  pointer: string;
  detail: string;
}

export type ParseResult<T> = { kind: 'ok'; value: T } | { kind: 'malformed'; errors: ParseError[] };

/** What stands for a required attribute that the publisher left out. Checked like a given value. */
export interface EventDefaults {
  /** A function is called for each event that needs an id, with the event's place in its batch (0 outside of one). */
  id?: string | ((index: number) => string);
  source?: string;
  type?: string;
}

/** Defaults for a batch, where each event needs an id of its own. */
export interface BatchDefaults extends EventDefaults {
  id?: (index: number) => string;
}
