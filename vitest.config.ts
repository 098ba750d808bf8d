import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const libs = fileURLToPath(new URL('./libs', import.meta.url));

/** Workspace packages resolve to their TypeScript sources, so tests need no build. An alias and not a
 * resolve condition: conditions do not reach globalSetup (ERR_RESOLVE_PACKAGE_ENTRY_FAIL without dist). */
const alias = [
  { find: /^@hookcast\/([a-z]+)$/, replacement: `${libs}/$1/src/index.ts` },
  { find: /^@hookcast\/([a-z]+)\/([a-z-]+)$/, replacement: `${libs}/$1/src/$2.ts` },
];

const shared = {
  resolve: { alias },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
};

/** Files share a process and what it has loaded (NestJS and the broker cost a second per file): they leave nothing behind. */
const sharingModules = { pool: 'forks' as const, isolate: false };

/** Suites with properties, tried with made-up examples. */
const withProperties = { setupFiles: ['./test/support/property-seed.ts'] };

const withDatabase = (name: string, timeout: number) => ({
  ...shared,
  test: {
    name,
    globals: true,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: ['./test/support/global-setup.ts'],
    pool: 'forks' as const,
    testTimeout: timeout,
    hookTimeout: timeout,
  },
});

export default defineConfig({
  ...shared,
  test: {
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          globals: true,
          include: ['{apps,libs,examples}/*/src/**/*.spec.ts', 'test/*.test.ts'],
          ...withProperties,
          ...sharingModules,
          // Property tests take a second of CPU time: not a matter of five of a busy machine's.
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'simulation',
          globals: true,
          include: ['test/simulation/**/*.test.ts'],
          pool: 'forks',
          // Thousands of short lives: a sixth of the time went into collecting them.
          execArgv: ['--max-semi-space-size=64'],
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'faults',
          globals: true,
          include: ['test/faults/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        ...withDatabase('integration', 60_000),
        test: { ...withDatabase('integration', 60_000).test, ...withProperties, ...sharingModules },
      },
      {
        ...withDatabase('api', 60_000),
        test: { ...withDatabase('api', 60_000).test, ...withProperties, ...sharingModules },
      },
      withDatabase('browser', 120_000),
      {
        ...shared,
        test: {
          name: 'oracles',
          globals: true,
          include: ['test/oracles/**/*.test.ts'],
          ...withProperties,
          pool: 'forks',
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'packages',
          globals: true,
          include: ['test/packages/*.test.ts'],
          globalSetup: ['./test/packages/global-setup.ts'],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      { ...withDatabase('e2e', 180_000), test: { ...withDatabase('e2e', 180_000).test, fileParallelism: false } },
    ],
  },
});
