const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/**
 * The partition of an event: FNV-1a (32 bit) over the UTF-8 bytes of its ordering key, or of its id when it has no
 * key, modulo the number of partitions. Part of the stored format: it must never change, or the events of a key
 * would change streams and a repeated id would not be found.
 * Source: draft-eastlake-fnv, FNV-1a.
 */
export function partitionOf(event: { key?: string; id: string }, partitions: number): number {
  return partitions === 1 ? 0 : fnv1a(event.key ?? event.id) % partitions;
}

function fnv1a(text: string): number {
  let hash = offsetBasis;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return hashBytes(Buffer.from(text, 'utf8'));
    hash = Math.imul(hash ^ code, prime);
  }
  return hash >>> 0;
}

function hashBytes(bytes: Buffer): number {
  let hash = offsetBasis;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, prime);
  return hash >>> 0;
}
