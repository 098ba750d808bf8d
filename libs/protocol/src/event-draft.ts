import { ruleOf, type ContextName } from './attribute.js';
import type { CloudEvent, EventDefaults } from './cloud-event.js';

/** All attributes of one event, names and values in characters, must fit in the headers of a request to a hook. */
const maxAttributesLength = 8192;

/** Takes down what is wrong with an attribute, or with the event as a whole when it names none. */
export type Report = (attribute: string | undefined, detail: string) => void;

/** Collects what a parser finds of one event, in whatever form, and reports everything that is wrong with it. */
export class EventDraft {
  data: Buffer | undefined;
  /** Null is given but has no value, which means absent and still must not be given again. */
  private readonly context: Record<ContextName, string | null | undefined> = {
    specversion: undefined,
    id: undefined,
    source: undefined,
    type: undefined,
    subject: undefined,
    time: undefined,
    dataschema: undefined,
    datacontenttype: undefined,
  };
  private readonly extensions: Record<string, string> = {};
  private readonly emptyExtensions = new Set<string>();
  private scalars: string[] | undefined;
  private length = 0;

  constructor(private readonly report: Report) {}

  get datacontenttype(): string | undefined {
    return this.context.datacontenttype ?? undefined;
  }

  /** Takes in an attribute. A null value means absent. */
  give(name: string, value: string | null): void {
    this.length += name.length + (value?.length ?? 0);
    // Also bounds the work: an event of nothing but attributes, or one endless value, is looked at no further.
    if (this.isTooLong) return this.report(undefined, `has more than ${maxAttributesLength} characters of attributes`);
    const rule = ruleOf(name);
    if (rule === undefined) return this.report(name, 'is not an attribute name: only lower-case letters and digits');
    if (this.isGiven(name, rule.contextName)) return this.report(name, 'is given twice');
    const detail = value === null ? undefined : rule.check(value);
    if (detail !== undefined) this.report(name, detail);
    if (rule.contextName !== undefined) this.context[rule.contextName] = value;
    else if (value === null) this.emptyExtensions.add(name);
    else this.extensions[name] = value;
  }

  /** Takes in an extension that is an Integer or a Boolean. */
  giveScalar(name: string, text: string): void {
    this.give(name, text);
    (this.scalars ??= []).push(name);
  }

  /** The JSON format requires `specversion`, unlike headers, where a plain publish has none. */
  requireVersion(): void {
    if (this.context.specversion === undefined || this.context.specversion === null) {
      this.reportMissing('specversion', 'is required');
    }
  }

  /** For data whose media type was not given. */
  assumeJson(): void {
    this.context.datacontenttype = 'application/json';
  }

  /** @param index the event's place in its batch */
  finish(defaults: EventDefaults, index: number): CloudEvent {
    const { context } = this;
    const event: CloudEvent = {
      id: context.id ?? this.checkedDefault('id', idOf(defaults, index)),
      source: context.source ?? this.checkedDefault('source', defaults.source),
      type: context.type ?? this.checkedDefault('type', defaults.type),
      extensions: this.extensions,
    };
    if (typeof context.subject === 'string') event.subject = context.subject;
    if (typeof context.time === 'string') event.time = context.time;
    if (typeof context.dataschema === 'string') event.dataschema = context.dataschema;
    if (typeof context.datacontenttype === 'string') event.datacontenttype = context.datacontenttype;
    if (this.data !== undefined) event.data = this.data;
    if (this.scalars !== undefined) event.scalars = this.scalars;
    return event;
  }

  private get isTooLong(): boolean {
    return this.length > maxAttributesLength;
  }

  private isGiven(name: string, contextName: ContextName | undefined): boolean {
    if (contextName !== undefined) return this.context[contextName] !== undefined;
    return Object.hasOwn(this.extensions, name) || this.emptyExtensions.has(name);
  }

  private checkedDefault(name: ContextName, value: string | undefined): string {
    const detail = value === undefined ? 'is required' : ruleOf(name)?.check(value);
    if (detail !== undefined) this.reportMissing(name, detail);
    return value ?? '';
  }

  /** What seems to be missing may be among the attributes that were not looked at. */
  private reportMissing(name: string, detail: string): void {
    if (!this.isTooLong) this.report(name, detail);
  }
}

function idOf({ id }: EventDefaults, index: number): string | undefined {
  return typeof id === 'function' ? id(index) : id;
}
