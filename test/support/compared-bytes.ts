import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/**
 * What `timingSafeEqual` said while `work` ran. The function itself does its work unchanged: it is only listened to, since
 * the time that a comparison takes is lost in the noise of a test machine.
 */
export async function comparedBytes(work: () => unknown): Promise<boolean[]> {
  const original = crypto.timingSafeEqual;
  const verdicts: boolean[] = [];
  crypto.timingSafeEqual = (left, right) => {
    const verdict = original(left, right);
    verdicts.push(verdict);
    return verdict;
  };
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    crypto.timingSafeEqual = original;
    syncBuiltinESMExports();
  }
  return verdicts;
}
