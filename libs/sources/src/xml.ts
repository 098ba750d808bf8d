/** An element of a small, closed XML document. Names are local: prefixes are the sender's choice. */
export interface XmlElement {
  readonly name: string;
  /** The start tag's attributes as written. */
  readonly attributes: string;
  readonly children: XmlElement[];
  /** Character data directly inside, entities resolved. */
  text: string;
  /** Where the element stands in the document, and where its name ends. */
  readonly start: number;
  readonly nameEnd: number;
  end: number;
}

const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?xml\s[^?]*\?>|<\/([^\s<>/]+)\s*>|<([A-Za-z_][^\s<>/]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*')){0,64})\s*(\/?)>|([^<]+)/gy;
const maxDepth = 64;
const maxTokens = 200_000;

/** The root element; undefined for anything malformed, and for every document type: no entities of the sender's making. */
export function parseXml(document: string): XmlElement | undefined {
  const root = newElement('', '', 0, 0);
  const open = [root];
  let tokens = 0;
  let at = 0;
  for (const match of document.matchAll(token)) {
    at = match.index + match[0].length;
    if (open.length > maxDepth || ++tokens > maxTokens || !take(match, open, at)) return undefined;
  }
  // The expression is sticky: it stops where the text stops being XML.
  const isComplete = at === document.length && open.length === 1 && root.children.length === 1;
  return isComplete && root.text.replace('\uFEFF', '').trim() === '' ? root.children[0] : undefined;
}

/** The one child of that name; undefined when there is none, or several to choose from. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  const found = childrenOf(element, name);
  return found.length === 1 ? found[0] : undefined;
}

export function childrenOf(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? [];
}

/** Applies one token to the stack of open elements; false when it does not fit. */
function take(match: RegExpMatchArray, open: XmlElement[], end: number): boolean {
  const [, cdata, closing, opening, , , characters] = match;
  const current = open.at(-1);
  if (current === undefined) return false;
  if (opening !== undefined) return openElement(match, opening, open, end);
  if (closing !== undefined) {
    current.end = end;
    open.pop();
    return open.length > 0 && current.name === localName(closing);
  }
  const text = characters === undefined ? (cdata ?? '') : resolveEntities(characters);
  current.text += text ?? '';
  return text !== undefined;
}

function openElement(match: RegExpMatchArray, name: string, open: XmlElement[], end: number): true {
  const [, , , , attributes = '', selfClosing] = match;
  const start = match.index ?? 0;
  const element = newElement(localName(name), attributes, start, start + 1 + name.length);
  open.at(-1)?.children.push(element);
  if (selfClosing === '/') element.end = end;
  else open.push(element);
  return true;
}

function newElement(name: string, attributes: string, start: number, nameEnd: number): XmlElement {
  return { name, attributes, children: [], text: '', start, nameEnd, end: start };
}

function localName(qualified: string): string {
  return qualified.slice(qualified.indexOf(':') + 1);
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function resolveEntities(text: string): string | undefined {
  let isKnown = true;
  const resolved = text.replaceAll(/&([^;&]{0,12});?/g, (whole, name: string) => {
    const character = whole.endsWith(';') ? (entity(name) ?? '') : '';
    if (character === '') isKnown = false;
    return character;
  });
  return isKnown ? resolved : undefined;
}

function entity(name: string): string | undefined {
  const number = /^#(?:(\d{1,7})|x([0-9a-fA-F]{1,6}))$/.exec(name);
  if (number === null) return Object.hasOwn(named, name) ? named[name] : undefined;
  const code = number[1] === undefined ? Number.parseInt(number[2] ?? '', 16) : Number(number[1]);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
