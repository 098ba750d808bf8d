import fc from 'fast-check';

/** `PROPERTY_SEED=4711 npx vitest run --project unit` tries the same examples again; otherwise they are new in every run. */
const { PROPERTY_SEED: seed } = process.env;
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
