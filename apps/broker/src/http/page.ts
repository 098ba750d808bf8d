import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';
import { decodeCursor, encodeCursor, type CursorKey, type CursorPart } from './cursor.js';
import { MayBeAbsent } from './field-rules.js';
import { invalid } from './validation.js';

export const defaultLimit = 50;

/** Query texts become numbers only when they are written as plain digits, so `1e2` and ` 5` are refused. */
export function digitsToNumber({ value }: { value: unknown }): unknown {
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

/** `?limit=` and `?cursor=` of every list. */
export class PageQuery {
  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 200, default: defaultLimit })
  @MayBeAbsent()
  @Transform(digitsToNumber)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;

  @ApiPropertyOptional({ type: String, description: 'The `nextCursor` of the page before; opaque.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Adds the cursor to the response class of one kind of list. */
export abstract class PageResponse {
  @ApiProperty({ type: String, nullable: true, description: 'Null on the last page.' })
  nextCursor!: string | null;
}

/** Cuts rows that were asked for with one row more than the limit, and names the key of the last one kept. */
export function pageOf<T>(rows: readonly T[], limit: number, keyOf: (row: T) => CursorKey): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: last !== undefined && rows.length > limit ? encodeCursor(keyOf(last)) : null };
}

/** @throws Problem validation-failed for a cursor that this list never gave out */
export function cursorKey(cursor: string | undefined, parts: readonly CursorPart[]): CursorKey | undefined {
  if (cursor === undefined) return undefined;
  const key = decodeCursor(cursor, parts);
  if (key === undefined) throw invalid([{ pointer: '/cursor', detail: 'is not a cursor of this list' }]);
  return key;
}

/**
 * A page of a list that is small enough to be at hand as a whole, in the order of the rows. Its cursor names the last
 * row and its place: where that row is gone meanwhile, the next one has taken the place.
 */
export function pageOfAll<T>(
  rows: readonly T[],
  { limit = defaultLimit, cursor }: PageQuery,
  nameOf: (row: T) => string,
): Page<T> {
  const [name, place] = cursorKey(cursor, ['string', 'int']) ?? [];
  const found = rows.findIndex((row) => nameOf(row) === name);
  const start = found === -1 ? Number(place ?? 0) : found + 1;
  return pageOf(rows.slice(start), limit, (row) => [nameOf(row), rows.indexOf(row)]);
}
