import { isTimestamp, type CloudEvent } from '@hookcast/protocol';

/** An event and the value its data stands for: that of JSON, the bytes of all other data, undefined when there is none. */
export interface ReadEvent {
  event: CloudEvent;
  value: unknown;
}

/*
 * Nearly every delivery is plain: JSON data, and attributes that are texts without an escape. Such an event is read in one
 * go. Everything that is unusual or wrong is left to the whole readers of the protocol, which decide and explain it.
 */

/** Takes an attribute that not every event has; false when it is not plain. */
export function takeAttribute(
  event: CloudEvent,
  extensions: Record<string, string>,
  name: string,
  text: string,
): boolean {
  switch (name) {
    case 'time':
      event.time = text;
      return isTimestamp(text);
    case 'subject':
      event.subject = text;
      return true;
    case 'dataschema':
      event.dataschema = text;
      return true;
    default:
      extensions[name] = text;
      return extensionName.test(name);
  }
}

/** `data_base64` is no name of an extension, so an event that has it is not plain. */
const extensionName = /^[a-z0-9]{1,64}$/;

/** A text that is there. */
export const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
