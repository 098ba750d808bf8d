import { isAttributeName } from './attribute.js';
import type { CloudEvent, EventDefaults, ParseError } from './cloud-event.js';
import { finishEvent, isContextAttribute, type EventDraft } from './event-draft.js';
import { dataFromBase64, dataFromMember, type EventData } from './event-data.js';
import { byteOf, endOfPlain, endOfString, endOfValue, skipSpace } from './json-slice.js';

/** Enough to mend a request by; a body made of errors must not make a larger answer. */
const maxErrors = 100;

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
  /** One character per byte, so that offsets are the same in both and a plain name is cut out without decoding. */
  private readonly text: string;
  private draft: EventDraft = { index: 0, attributes: new Map(), data: undefined };
  private data: Extent | undefined;
  /** No white space between the event's tokens so far, but for what surrounds the value of `data`. */
  private isCompact = true;
  private string = '';

  constructor(
    private readonly body: Buffer,
    private readonly defaults: EventDefaults,
  ) {
    this.text = body.toString('latin1');
  }

  /** JSON pointer to the event being read. */
  get pointer(): string {
    return this.index === undefined ? '' : `/${this.index}`;
  }

  /** @param index the event's place in its batch */
  readEvent(at: number, index?: number): number {
    this.index = index;
    if (this.body[at] !== byteOf.openBrace) return this.refuse(at, undefined, 'must be an object');
    this.draft = { index: index ?? 0, attributes: new Map(), data: undefined };
    this.data = undefined;
    this.isCompact = true;
    const end = this.readMembers(at);
    if (end < 0) return end;
    this.settleData();
    if (this.draft.attributes.get('specversion') === undefined) this.report('specversion', 'is required');
    this.events.push(finishEvent(this.draft, this.defaults, this.report));
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
    const nameEnd = this.readName(at);
    if (nameEnd < 0) return nameEnd;
    const name = this.string;
    const colon = this.skipSpace(nameEnd);
    if (this.body[colon] !== byteOf.colon) return ~colon;
    if (name === 'data' && this.data === undefined) return this.readData(colon + 1);
    const start = this.skipSpace(colon + 1);
    if (this.draft.attributes.has(name) || name === 'data') return this.refuse(start, name, 'is given twice');
    if (name === 'data_base64' || isAttributeName(name)) return this.readAttribute(name, start);
    return this.refuse(start, name, 'is not an attribute name: only lower-case letters and digits');
  }

  private readData(outerStart: number): number {
    const start = skipSpace(this.body, outerStart);
    const end = endOfValue(this.body, start);
    this.data = { start, end, outerStart, outerEnd: end };
    return end;
  }

  private readAttribute(name: string, start: number): number {
    if (this.body[start] !== byteOf.quote) return this.readScalar(name, start);
    const end = this.readString(start);
    if (end >= 0) this.draft.attributes.set(name, this.string);
    return end;
  }

  /** Null means absent; extensions may be Integers and Booleans, whose JSON text is their canonical string too. */
  private readScalar(name: string, start: number): number {
    const end = endOfValue(this.body, start);
    if (end < 0) return end;
    const text = this.text.slice(start, end);
    const isText = text !== 'null' && !isContextAttribute(name) && isScalarText(text);
    this.draft.attributes.set(name, isText ? text : undefined);
    if (text !== 'null' && !isText) {
      this.report(
        name,
        isContextAttribute(name) ? 'must be a string' : 'must be a string, a boolean or a 32-bit integer',
      );
    }
    return end;
  }

  /** Reads a member's name into `this.string`. */
  private readName(at: number): number {
    const plainEnd = endOfPlain(this.body, at + 1);
    if (this.body[plainEnd] !== byteOf.quote) return this.readString(at);
    this.string = this.text.slice(at + 1, plainEnd);
    return plainEnd + 1;
  }

  /** Reads a string into `this.string`. */
  private readString(at: number): number {
    const plainEnd = endOfPlain(this.body, at + 1);
    if (this.body[plainEnd] === byteOf.quote) {
      this.string = this.ownText(at + 1, plainEnd);
      return plainEnd + 1;
    }
    const end = endOfString(this.body, at);
    if (end >= 0) this.string = String(JSON.parse(this.body.toString('utf8', at, end)));
    return end;
  }

  /**
   * The plain text of an extent. V8 copies a short slice but lets a longer one (13 characters and more) keep the whole
   * text in memory, for as long as somebody remembers an event's id.
   */
  private ownText(start: number, end: number): string {
    return end - start < 13 ? this.text.slice(start, end) : this.body.toString('latin1', start, end);
  }

  /** Only once all members are read is it known what the data's media type is. */
  private settleData(): void {
    const { attributes } = this.draft;
    const base64 = attributes.get('data_base64');
    const contentType = attributes.get('datacontenttype');
    if (this.data !== undefined) {
      if (base64 !== undefined) this.report('data_base64', 'must not be given besides data');
      if (contentType === undefined) attributes.set('datacontenttype', 'application/json');
      this.takeData('data', dataFromMember(this.textOf(this.data), contentType));
    } else if (base64 !== undefined) {
      this.takeData('data_base64', dataFromBase64(base64, contentType));
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

function isScalarText(text: string): boolean {
  if (text === 'true' || text === 'false') return true;
  const value = Number(text);
  return /^-?\d+$/.test(text) && value >= -(2 ** 31) && value < 2 ** 31;
}
