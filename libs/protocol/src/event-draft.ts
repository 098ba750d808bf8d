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
  /** By name; undefined for one that was given as null, which means absent but must not be given again. */
  attributes: Map<string, string | undefined>;
  data: Buffer | undefined;
}

/** Takes down what is wrong with an attribute, or with the event as a whole when the name is empty. */
export type Report = (attribute: string, detail: string) => void;

/** Builds the event and reports every attribute that is missing or has a value it may not have. */
export function finishEvent(draft: EventDraft, defaults: EventDefaults, report: Report): CloudEvent {
  const given = draft.attributes;
  const checked = (name: string, value: string): string => {
    const detail = attributeError(name, value);
    if (detail !== undefined) report(name, detail);
    return value;
  };
  const required = (name: 'id' | 'source' | 'type'): string => {
    const value = given.get(name) ?? defaultOf(defaults, name);
    if (value !== undefined) return checked(name, value);
    report(name, 'is required');
    return '';
  };
  const version = given.get('specversion');
  if (version !== undefined) checked('specversion', version);
  const event: CloudEvent = { id: required('id'), source: required('source'), type: required('type'), extensions: {} };
  for (const name of ['subject', 'time', 'dataschema', 'datacontenttype'] as const) {
    const value = given.get(name);
    if (value !== undefined) event[name] = checked(name, value);
  }
  event.extensions = extensionsOf(given, checked);
  if (draft.data !== undefined) event.data = draft.data;
  checkLength(given, report);
  return event;
}

function defaultOf(defaults: EventDefaults, name: 'id' | 'source' | 'type'): string | undefined {
  const value = defaults[name];
  return typeof value === 'function' ? value() : value;
}

function extensionsOf(
  given: EventDraft['attributes'],
  checked: (name: string, value: string) => string,
): Record<string, string> {
  const extensions: Record<string, string> = {};
  for (const [name, value] of given) {
    if (value !== undefined && !isContextAttribute(name)) extensions[name] = checked(name, value);
  }
  return extensions;
}

function checkLength(given: EventDraft['attributes'], report: Report): void {
  let length = 0;
  for (const [name, value] of given) length += name.length + (value?.length ?? 0);
  if (length > maxAttributesLength) report('', `has more than ${maxAttributesLength} characters of attributes`);
}
