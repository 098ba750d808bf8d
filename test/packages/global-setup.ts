import { root, run } from './packed.js';

/** Writes the packages out of what tsc made, as `npm run packages` does. */
export default async function setup(): Promise<void> {
  await run(process.execPath, ['scripts/packages.mjs'], root);
}
