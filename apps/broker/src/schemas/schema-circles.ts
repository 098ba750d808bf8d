import { isPlainObject } from '../http/field-rules.js';

/** Keywords that apply schemas to the value itself; the others apply theirs to what is in it, and so come to an end. */
const inPlace = {
  one: ['not', 'if', 'then', 'else'],
  lists: ['allOf', 'anyOf', 'oneOf'],
  maps: ['dependentSchemas'],
};

const anywhere = {
  one: [
    ...inPlace.one,
    'items',
    'contains',
    'additionalProperties',
    'propertyNames',
    'unevaluatedItems',
    'unevaluatedProperties',
  ],
  lists: [...inPlace.lists, 'prefixItems'],
  maps: [...inPlace.maps, 'properties', 'patternProperties', '$defs', 'definitions'],
};

type Schema = Record<string, unknown>;

/**
 * A pointer to a schema that applies itself to the same value again, so that no value is ever judged; undefined when
 * there is none. References that are no JSON pointers are not followed.
 */
export function schemaCircle(root: Schema): string | undefined {
  const settled = new Set<Schema>();
  for (const [pointer, schema] of allSchemas(root)) if (isCircular(root, schema, settled, new Set())) return pointer;
  return undefined;
}

function isCircular(root: Schema, schema: Schema, settled: Set<Schema>, above: Set<Schema>): boolean {
  if (above.has(schema)) return true;
  if (settled.has(schema)) return false;
  above.add(schema);
  const target = typeof schema['$ref'] === 'string' ? resolved(root, schema['$ref']) : undefined;
  const applied = [...children(schema, inPlace).map(([, child]) => child), ...(target ? [target] : [])];
  const found = applied.some((child) => isCircular(root, child, settled, above));
  above.delete(schema);
  settled.add(schema);
  return found;
}

function* allSchemas(root: Schema): Generator<[pointer: string, schema: Schema]> {
  const waiting: [string, Schema][] = [['', root]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next;
    const [pointer, schema] = next;
    for (const [path, child] of children(schema, anywhere)) waiting.push([pointer + path, child]);
  }
}

function children(schema: Schema, { one, lists, maps }: typeof inPlace): [path: string, child: Schema][] {
  const found: [string, unknown][] = one.map((name) => [`/${name}`, schema[name]]);
  for (const name of lists) {
    const list = schema[name];
    if (Array.isArray(list)) found.push(...list.map((child, index): [string, unknown] => [`/${name}/${index}`, child]));
  }
  for (const name of maps) {
    const map = schema[name];
    if (!isPlainObject(map)) continue;
    found.push(...Object.entries(map).map(([key, child]): [string, unknown] => [`/${name}/${escaped(key)}`, child]));
  }
  return found.filter((entry): entry is [string, Schema] => isPlainObject(entry[1]));
}

function resolved(root: Schema, ref: string): Schema | undefined {
  if (!/^#(?:\/|$)/.test(ref)) return undefined;
  let place: unknown = root;
  for (const part of ref.slice(1).split('/').slice(1)) {
    const name = unescaped(part);
    if (Array.isArray(place)) place = place[Number(name)];
    else place = isPlainObject(place) && Object.hasOwn(place, name) ? place[name] : undefined;
  }
  return isPlainObject(place) ? place : undefined;
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function unescaped(part: string): string {
  return safelyDecoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

function safelyDecoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
