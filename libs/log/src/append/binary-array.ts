/**
 * One-dimensional Postgres arrays in the binary format of array_recv: node-postgres hands a Buffer over as a binary
 * parameter. Text arrays would have to be quoted here and parsed there, and bytea inside them doubles as hex.
 * Source: PostgreSQL src/backend/utils/adt/arrayfuncs.c, array_recv.
 */
const headerBytes = 20;
const oids = { bytea: 17, text: 25, timestamptz: 1184 } as const;

/** A UTF-16 unit becomes at most three UTF-8 bytes. */
const bytesPerUnit = 3;

/** Milliseconds from 1970-01-01 to 2000-01-01, where Postgres counts from. */
const postgresEpochMs = 946_684_800_000;

/** Null when every value is: unnest() then pads the column with nulls, at no cost. */
export function textArray(values: readonly (string | null)[]): Buffer | null {
  let size = headerBytes;
  let nulls = 0;
  for (const value of values) {
    size += 4;
    if (value === null) nulls += 1;
    else size += value.length * bytesPerUnit;
  }
  if (nulls === values.length) return null;
  const buffer = header('text', { size, count: values.length, hasNulls: nulls > 0 });
  let offset = headerBytes;
  for (const value of values) {
    if (value === null) {
      offset = buffer.writeInt32BE(-1, offset);
      continue;
    }
    const written = buffer.write(value, offset + 4, 'utf8');
    offset = buffer.writeInt32BE(written, offset) + written;
  }
  return buffer.subarray(0, offset);
}

/** Null when every value is. */
export function byteaArray(values: readonly (Buffer | null)[]): Buffer | null {
  let size = headerBytes;
  let nulls = 0;
  for (const value of values) {
    size += 4;
    if (value === null) nulls += 1;
    else size += value.length;
  }
  if (nulls === values.length) return null;
  const buffer = header('bytea', { size, count: values.length, hasNulls: nulls > 0 });
  let offset = headerBytes;
  for (const value of values) {
    offset = buffer.writeInt32BE(value === null ? -1 : value.length, offset);
    if (value !== null) offset += value.copy(buffer, offset);
  }
  return buffer;
}

/** Null when every value is. */
export function timeArray(values: readonly (Date | null)[]): Buffer | null {
  const given = values.filter((value) => value !== null).length;
  if (given === 0) return null;
  const size = headerBytes + values.length * 4 + given * 8;
  const buffer = header('timestamptz', { size, count: values.length, hasNulls: given < values.length });
  let offset = headerBytes;
  for (const value of values) {
    offset = buffer.writeInt32BE(value === null ? -1 : 8, offset);
    if (value !== null) offset = buffer.writeBigInt64BE(BigInt(value.getTime() - postgresEpochMs) * 1000n, offset);
  }
  return buffer;
}

function header(type: keyof typeof oids, shape: { size: number; count: number; hasNulls: boolean }): Buffer {
  const buffer = Buffer.allocUnsafe(shape.size);
  let offset = buffer.writeInt32BE(1, 0); // dimensions
  offset = buffer.writeInt32BE(shape.hasNulls ? 1 : 0, offset);
  offset = buffer.writeInt32BE(oids[type], offset);
  offset = buffer.writeInt32BE(shape.count, offset);
  buffer.writeInt32BE(1, offset); // subscripts count from 1, as the rows of unnest() do
  return buffer;
}
