import { type SourceConfig } from './reception.js';
import { type Scheme } from './scheme.js';
import { senderNamed } from './sender-table.js';
import { type Method, type Sender } from './sender.js';

/** A sender and the one of its schemes that a source uses. */
export interface Style {
  readonly sender: Sender;
  readonly schemeName: string;
  readonly scheme: Scheme;
  /** Every method the source answers, handshakes included. */
  readonly methods: readonly Method[];
}

const coded = new Map<string, Style>();
const configured = new WeakMap<SourceConfig, Style | undefined>();

/** The style of a source, or undefined when there is no such sender or scheme. Kept, as it is asked for every request. */
export function styleOf(source: SourceConfig): Style | undefined {
  const sender = senderNamed(source.sender);
  if (sender === undefined) return undefined;
  if (sender.configure === undefined) return codedStyle(sender, source.scheme);
  if (!configured.has(source)) configured.set(source, build(sender.configure(source.params ?? {}), source.scheme));
  return configured.get(source);
}

function codedStyle(sender: Sender, scheme: string | undefined): Style | undefined {
  const key = `${sender.name} ${scheme ?? ''}`;
  const known = coded.get(key);
  if (known !== undefined) return known;
  const style = build(sender, scheme);
  // Wrong scheme names are not kept: there is no end of them.
  if (style !== undefined) coded.set(key, style);
  return style;
}

function build(sender: Sender, name: string | undefined): Style | undefined {
  const schemeName = name ?? Object.keys(sender.schemes)[0] ?? '';
  const scheme = Object.hasOwn(sender.schemes, schemeName) ? sender.schemes[schemeName] : undefined;
  return scheme && { sender, schemeName, scheme, methods: methodsOf(sender) };
}

/** The methods of deliveries first, then those that only handshakes use. */
export function methodsOf(sender: Sender): Method[] {
  const handshakes = [...(sender.unsigned ?? []), ...(sender.verified ?? [])].flatMap(({ methods }) => methods);
  return [...new Set([...deliveryMethods(sender), ...handshakes])];
}

export function deliveryMethods(sender: Sender): readonly Method[] {
  return sender.methods ?? ['POST'];
}
