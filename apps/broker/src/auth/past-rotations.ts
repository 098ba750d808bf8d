import { hash } from 'node:crypto';
import type { PastRotation } from '@hookcast/database';
import { Problem } from '../http/problem.js';

/** A request to rotate, as far as it tells a repetition from another request. */
export interface RotationRequest {
  idempotencyKey: string | undefined;
  graceSeconds: number;
}

interface Rotated {
  rotations: readonly PastRotation[];
  /** The secret that is current now, or the SHA-256 of it where that is all there is. */
  current: string | Buffer;
}

/** Rotations that are remembered of each owner: nobody repeats a request after so many others. */
const remembered = 100;

/**
 * The rotation that a request repeats; undefined when it is a new one. What it made is current still, so that the answer
 * of the first time is the answer now.
 *
 * @throws Problem idempotency-key-conflict when it asked for something else, or a later change replaced what it made:
 * to make that current again would bring a retired secret back
 */
export function repeatedRotation(rotated: Rotated, request: RotationRequest): PastRotation | undefined {
  if (request.idempotencyKey === undefined) return undefined;
  const key = digest(request.idempotencyKey);
  const past = rotated.rotations.find((one) => one.key === key);
  if (past === undefined) return undefined;
  if (past.asked !== askedOf(request)) throw new Problem('idempotency-key-conflict');
  if (past.made !== fingerprint(rotated.current)) {
    throw new Problem('idempotency-key-conflict', {
      detail: 'This rotation was done, and what it made has been replaced since. Nothing was changed.',
    });
  }
  return past;
}

/** The past rotations with this one. @param made the new secret, or its SHA-256; for an API key also its salt */
export function withRotation(
  rotations: readonly PastRotation[],
  request: RotationRequest,
  made: { secret: string | Buffer; salt?: string },
): PastRotation[] {
  if (request.idempotencyKey === undefined) return [...rotations];
  const { secret, ...rest } = made;
  const past = { key: digest(request.idempotencyKey), asked: askedOf(request), made: fingerprint(secret), ...rest };
  return [past, ...rotations].slice(0, remembered);
}

const askedOf = ({ graceSeconds }: RotationRequest): string => digest(JSON.stringify({ graceSeconds }));

const fingerprint = (secret: string | Buffer): string =>
  typeof secret === 'string' ? digest(secret) : secret.toString('base64url');

const digest = (text: string): string => hash('sha256', text, 'base64url');
