import { isEventId, isJsonContentType, type CloudEvent } from '@hookcast/protocol';
import { parseJsonObject } from './json-body.js';
import { memberText } from './json-member.js';
import { isText, takeAttribute, type ReadEvent } from './plain-event.js';

/**
 * Reads a structured event of JSON data, as nearly all are, with a single JSON.parse; the exact bytes of its data are only
 * looked for when somebody asks. Undefined for everything that is unusual or wrong, which the whole reader decides.
 */
export function parsePlainEnvelope(body: Buffer): ReadEvent | undefined {
  const json = parseJsonObject(body);
  if (json === undefined) return undefined;
  const { id, source, type, datacontenttype, data: value } = json;
  if (json['specversion'] !== '1.0' || !isText(source) || !isText(type) || !isText(datacontenttype)) return undefined;
  if (!isText(id) || !isEventId(id) || !hasPlainData(datacontenttype, value)) return undefined;
  const extensions: Record<string, string> = {};
  const event = new EnvelopeEvent({ id, source, type, datacontenttype, extensions }, body);
  return takeRest(json, event, extensions) ? { event, value } : undefined;
}

/**
 * An event whose data is cut out of the body when it is asked for. The property is the object's own, so that a copy has the
 * data, too, and its getter is one for all: an object with a getter of its own takes three times as long to make.
 */
class EnvelopeEvent implements CloudEvent {
  declare id: string;
  declare source: string;
  declare type: string;
  declare datacontenttype: string;
  declare extensions: Record<string, string>;
  declare time?: string;
  declare subject?: string;
  declare dataschema?: string;
  declare readonly data: Buffer;
  readonly #body: Buffer;

  private static readonly data: PropertyDescriptor & ThisType<EnvelopeEvent> = {
    get() {
      return memberText(this.#body, 'data') ?? this.#body;
    },
    enumerable: true,
    configurable: true,
  };

  constructor(
    attributes: Pick<EnvelopeEvent, 'id' | 'source' | 'type' | 'datacontenttype' | 'extensions'>,
    body: Buffer,
  ) {
    this.id = attributes.id;
    this.source = attributes.source;
    this.type = attributes.type;
    this.datacontenttype = attributes.datacontenttype;
    this.extensions = attributes.extensions;
    this.#body = body;
    Object.defineProperty(this, 'data', EnvelopeEvent.data);
  }
}

const hasPlainData = (contentType: string, value: unknown): boolean =>
  isJsonContentType(contentType) && value !== undefined && value !== null;

/** Takes the attributes that not every event has; false when one is not plain. */
function takeRest(json: Record<string, unknown>, event: CloudEvent, extensions: Record<string, string>): boolean {
  for (const name in json) {
    if (isTaken(name)) continue;
    const text = json[name];
    if (!isText(text) || !takeAttribute(event, extensions, name, text)) return false;
  }
  return true;
}

function isTaken(name: string): boolean {
  switch (name) {
    case 'specversion':
    case 'id':
    case 'source':
    case 'type':
    case 'datacontenttype':
    case 'data':
      return true;
    default:
      return false;
  }
}
