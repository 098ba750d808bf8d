import { attributeError } from './attribute.js';
import type { CloudEvent, EventDefaults } from './cloud-event.js';

/** All attributes of one event, names and values in characters, must fit in the headers of a request to a hook. */
const maxAttributesLength = 8192;

const contextAttributes = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'dataschema',
  'datacontenttype',
  'data',
  'data_base64',
]);

/** True for the attributes CloudEvents defines, as against extensions, and for the two spellings of the data. */
export function isContextAttribute(name: string): boolean {
  return contextAttributes.has(name);
}

/** What a parser found of one event, before it is known to be sound. */
export interface EventDraft {
  /** Place in its batch. */
  index: number;
  /** By name; undefined for one that was given as null, which means absent but must not be given again. */
  attributes: Map<string, string | undefined>;
  data: Buffer | undefined;
}

/** Takes down what is wrong with an attribute, or with the event as a whole when it names none. */
export type Report = (attribute: string | undefined, detail: string) => void;

/** Builds the event and reports every attribute that is missing or has a value it may not have. */
export function finishEvent(draft: EventDraft, defaults: EventDefaults, report: Report): CloudEvent {
  const { attributes, data } = draft;
  const event: CloudEvent = {
    id: attributes.get('id') ?? checked('id', defaultId(draft, defaults), report),
    source: attributes.get('source') ?? checked('source', defaults.source, report),
    type: attributes.get('type') ?? checked('type', defaults.type, report),
    extensions: extensionsOf(attributes, report),
  };
  addOptionalAttributes(event, attributes);
  if (data !== undefined) event.data = data;
  return event;
}

function checked(name: string, defaultValue: string | undefined, report: Report): string {
  const detail = defaultValue === undefined ? 'is required' : attributeError(name, defaultValue);
  if (detail !== undefined) report(name, detail);
  return defaultValue ?? '';
}

function defaultId(draft: EventDraft, { id }: EventDefaults): string | undefined {
  return typeof id === 'function' ? id(draft.index) : id;
}

/** Checks all attributes given, on its way to the extensions among them: one walk, since every publish passes here. */
function extensionsOf(attributes: EventDraft['attributes'], report: Report): Record<string, string> {
  const extensions: Record<string, string> = {};
  let length = 0;
  for (const [name, value] of attributes) {
    if (value === undefined || name === 'data_base64') continue;
    length += name.length + value.length;
    const detail = attributeError(name, value);
    if (detail !== undefined) report(name, detail);
    if (!isContextAttribute(name)) extensions[name] = value;
  }
  if (length > maxAttributesLength) report(undefined, `has more than ${maxAttributesLength} characters of attributes`);
  return extensions;
}

function addOptionalAttributes(event: CloudEvent, attributes: EventDraft['attributes']): void {
  const subject = attributes.get('subject');
  if (subject !== undefined) event.subject = subject;
  const time = attributes.get('time');
  if (time !== undefined) event.time = time;
  const dataschema = attributes.get('dataschema');
  if (dataschema !== undefined) event.dataschema = dataschema;
  const datacontenttype = attributes.get('datacontenttype');
  if (datacontenttype !== undefined) event.datacontenttype = datacontenttype;
}
