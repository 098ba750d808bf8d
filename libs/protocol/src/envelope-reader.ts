import { ruleOf } from './attribute.js';
import type { CloudEvent, EventDefaults, ParseError } from './cloud-event.js';
import { EventDraft } from './event-draft.js';
import { dataFromBase64, dataFromMember, type EventData } from './event-data.js';
import { byteOf, endOfPlain, endOfString, endOfValue, skipSpace } from './json-slice.js';

/** Enough to mend a request by; a body made of errors must not make a larger answer. */
const maxErrors = 100;

/** Holds the attributes of most events. */
const windowSize = 512;

/** Where a value stands in the body, as offsets: without and with the white space around it. */
interface Extent {
  start: number;
  end: number;
  outerStart: number;
  outerEnd: number;
}

/**
 * Reads event objects of the CloudEvents JSON format out of one body. Like the scanner's functions its methods return
 * the offset after what they read, or `~offset` where the text stops being JSON; everything else that is wrong goes to
 * `errors`.
 */
export class EnvelopeReader {
  readonly errors: ParseError[] = [];
  readonly events: CloudEvent[] = [];
  /** Place of the event being read in its batch; undefined while none is read, and for an event on its own. */
  private index: number | undefined;
  /**
   * The first bytes of the event as text, one character per byte, to cut short strings from: far cheaper than a call into
   * the buffer for each. Not the whole body, because a string cut from another keeps all of that in memory.
   */
  private window = '';
  private windowStart = 0;
  private draft: EventDraft;
  /** The text of `data_base64`; null when it was given as null. */
  private base64: string | null | undefined;
  private data: Extent | undefined;
  /** No white space between the event's tokens so far, but for what surrounds the value of `data`. */
  private isCompact = true;
  private string = '';

  constructor(
    private readonly body: Buffer,
    private readonly defaults: EventDefaults,
  ) {
    this.draft = new EventDraft(this.report);
  }

  /** JSON pointer to the event being read. */
  get pointer(): string {
    return this.index === undefined ? '' : `/${this.index}`;
  }

  /** @param index the event's place in its batch */
  readEvent(at: number, index?: number): number {
    this.index = index;
    if (this.body[at] !== byteOf.openBrace) return this.refuse(at, undefined, 'must be an object');
    this.window = this.body.toString('latin1', at, at + windowSize);
    this.windowStart = at;
    this.draft = new EventDraft(this.report);
    this.base64 = undefined;
    this.data = undefined;
    this.isCompact = true;
    const end = this.readMembers(at);
    if (end < 0) return end;
    this.settleData();
    this.draft.requireVersion();
    this.events.push(this.draft.finish(this.defaults, index ?? 0));
    return end;
  }

  /** Skips a value that may not stand where it does. */
  refuse(at: number, attribute: string | undefined, detail: string): number {
    const end = endOfValue(this.body, at);
    if (end >= 0) this.report(attribute, detail);
    return end;
  }

  /** Takes down what is wrong with the body as a whole. */
  reportBody(detail: string): void {
    this.errors.push({ pointer: '', detail });
  }

  readonly report = (attribute: string | undefined, detail: string): void => {
    const pointer = attribute === undefined ? this.pointer : `${this.pointer}/${escapePointer(attribute)}`;
    if (this.errors.length >= maxErrors || this.errors.some((error) => error.pointer === pointer)) return;
    this.errors.push({ pointer, detail });
  };

  private readMembers(from: number): number {
    const { body } = this;
    let at = this.skipSpace(from + 1);
    if (body[at] === byteOf.closeBrace) return at + 1;
    for (;;) {
      const end = this.readMember(at);
      if (end < 0) return end;
      at = this.data?.end === end ? (this.data.outerEnd = skipSpace(body, end)) : this.skipSpace(end);
      if (body[at] === byteOf.closeBrace) return at + 1;
      if (body[at] !== byteOf.comma) return ~at;
      at = this.skipSpace(at + 1);
    }
  }

  private skipSpace(at: number): number {
    const end = skipSpace(this.body, at);
    if (end !== at) this.isCompact = false;
    return end;
  }

  private readMember(at: number): number {
    if (this.body[at] !== byteOf.quote) return ~at;
    const nameEnd = this.readString(at);
    if (nameEnd < 0) return nameEnd;
    const name = this.string;
    const colon = this.skipSpace(nameEnd);
    if (this.body[colon] !== byteOf.colon) return ~colon;
    if (name === 'data' && this.data === undefined) return this.readData(colon + 1);
    const start = this.skipSpace(colon + 1);
    if (name === 'data' || (name === 'data_base64' && this.base64 !== undefined)) {
      return this.refuse(start, name, 'is given twice');
    }
    return this.body[start] === byteOf.quote ? this.readText(name, start) : this.readScalar(name, start);
  }

  private readData(outerStart: number): number {
    const start = skipSpace(this.body, outerStart);
    const end = endOfValue(this.body, start);
    this.data = { start, end, outerStart, outerEnd: end };
    return end;
  }

  private readText(name: string, start: number): number {
    const end = this.readString(start);
    if (end >= 0) this.give(name, this.string);
    return end;
  }

  /** Null means absent; extensions may be Integers and Booleans, whose JSON text is their canonical string too. */
  private readScalar(name: string, start: number): number {
    const end = endOfValue(this.body, start);
    if (end < 0) return end;
    const text = this.body.toString('latin1', start, end);
    const isString = name === 'data_base64' || ruleOf(name)?.contextName !== undefined;
    if (!isString && isBooleanOrInteger(text)) {
      this.draft.giveScalar(name, text);
      return end;
    }
    this.give(name, null);
    if (text !== 'null') {
      this.report(name, isString ? 'must be a string' : 'must be a string, a boolean or a 32-bit integer');
    }
    return end;
  }

  private give(name: string, value: string | null): void {
    if (name === 'data_base64') this.base64 = value;
    else this.draft.give(name, value);
  }

  /** Reads a string into `this.string`. */
  private readString(at: number): number {
    const plainEnd = endOfPlain(this.body, at + 1);
    if (this.body[plainEnd] === byteOf.quote) {
      this.string = this.plainText(at + 1, plainEnd);
      return plainEnd + 1;
    }
    const end = endOfString(this.body, at);
    if (end >= 0) this.string = String(JSON.parse(this.body.toString('utf8', at, end)));
    return end;
  }

  /** The plain ASCII text of an extent. */
  private plainText(start: number, end: number): string {
    const { windowStart } = this;
    return end <= windowStart + this.window.length
      ? this.window.slice(start - windowStart, end - windowStart)
      : this.body.toString('latin1', start, end);
  }

  /** Only once all members are read is it known what the data's media type is. */
  private settleData(): void {
    const contentType = this.draft.datacontenttype;
    if (this.data !== undefined) {
      if (typeof this.base64 === 'string') this.report('data_base64', 'must not be given besides data');
      if (contentType === undefined) this.draft.assumeJson();
      this.takeData('data', dataFromMember(this.textOf(this.data), contentType));
    } else if (typeof this.base64 === 'string') {
      this.takeData('data_base64', dataFromBase64(this.base64, contentType));
    }
  }

  /**
   * White space around the data is layout when the rest of the event is laid out too. In an event without any other it
   * can only have come with the data, such as the line feed at the end of a file, and is kept.
   */
  private textOf(data: Extent): Buffer {
    return this.isCompact
      ? this.body.subarray(data.outerStart, data.outerEnd)
      : this.body.subarray(data.start, data.end);
  }

  private takeData(member: string, data: EventData): void {
    if (data.kind === 'read') this.draft.data = data.bytes;
    else this.report(member, data.detail);
  }
}

/** A JSON pointer token (RFC 6901 §3). */
function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function isBooleanOrInteger(text: string): boolean {
  if (text === 'true' || text === 'false') return true;
  const value = Number(text);
  return /^-?\d+$/.test(text) && value >= -(2 ** 31) && value < 2 ** 31;
}
