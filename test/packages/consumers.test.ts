import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { libraries, quiet, root, run, tarball } from './packed.js';

/** A project outside of this repository that has installed the two packages, and nothing else. */
let project: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'hookcast-consumer-'));
  cpSync(fileURLToPath(new URL('./consumer', import.meta.url)), project, { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  // Offline, as nothing but the tarballs is needed: npm fails if that is no longer so.
  await run('npm', ['install', '--offline', ...quiet, ...libraries.map(tarball)], project);
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const printedBy = async (file: string): Promise<unknown> => JSON.parse(await run(process.execPath, [file], project));

describe('in a project with no other package', () => {
  test('nothing else was installed', () => {
    const installed = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('package.json'))
      .toSorted();
    expect(installed).toEqual(libraries.map((name) => `@hookcast/${name}/package.json`));
  });

  test.each(['esm.mjs', 'cjs.cjs'])('%s publishes, receives and verifies', async (file) => {
    expect(await printedBy(file)).toEqual({
      verdicts: ['ok', 'ok', 'drop'],
      handled: ['a'],
      error: 'unreachable',
      github: ['push'],
      tables: ['hookcast_outbox', 'hookcast_inbox'],
    });
  });

  test('both copies in one program know the verdicts and the hops of each other', async () => {
    const of = {
      isOther: true,
      verdicts: { drop: 'drop', dead: 'dead-letter', again: 'retry', fails: 'retry' },
      failures: ['no verdict'],
      hops: [{ hookcasthops: '1' }],
    };
    expect(await printedBy('mixed.mjs')).toEqual({ esm: of, cjs: of });
  });

  test('what needs Nest says so', async () => {
    const load = `import('@hookcast/receiver/nest').catch((error) => console.log(JSON.stringify(error.message)))`;
    expect(await run(process.execPath, ['-e', load], project)).toContain("Cannot find package '@nestjs/common'");
  });
});

describe('TypeScript finds the types', () => {
  test.each<[string, { module: string; moduleResolution: string; ignoreDeprecations?: string }, 'commonjs' | 'module']>(
    [
      [
        'node, as Nest 10 and 11 have it',
        { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
        'commonjs',
      ],
      ['node16 from CommonJS', { module: 'node16', moduleResolution: 'node16' }, 'commonjs'],
      ['node16 from ESM', { module: 'node16', moduleResolution: 'node16' }, 'module'],
      ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }, 'module'],
      ['bundler', { module: 'esnext', moduleResolution: 'bundler' }, 'module'],
    ],
  )('by moduleResolution %s', async (name, resolution, type) => {
    const folder = join(project, name.replaceAll(/\W/g, '-'));
    cpSync(join(project, 'typed.ts'), join(folder, 'typed.ts'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    const compilerOptions = {
      ...resolution,
      target: 'ES2022',
      lib: ['ES2023'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      esModuleInterop: resolution.moduleResolution !== 'node10' && undefined,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder);
  });
});

describe('a bundler that shakes trees', () => {
  async function bundled(code: string): Promise<string> {
    writeFileSync(join(project, 'entry.mjs'), code);
    const build = await rolldown({ input: join(project, 'entry.mjs'), platform: 'node' });
    const { output } = await build.generate({ format: 'esm' });
    await build.close();
    return output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
  }

  test.each(libraries)('leaves nothing of @hookcast/%s when nothing of it is used', async (name) => {
    const code = await bundled(`import * as all from '@hookcast/${name}'; console.log('only this');`);
    expect(code).not.toMatch(/class|function|import/);
  });

  test('takes only what is used', async () => {
    const verdict = await bundled(`import { Retry } from '@hookcast/receiver'; throw new Retry();`);
    expect(verdict).toContain('hookcast.verdict');
    expect(verdict.length).toBeLessThan(1_500);
    const error = await bundled(`import { PublishError } from '@hookcast/publisher'; console.log(PublishError);`);
    expect(error).not.toContain('node:');
    expect(error.length).toBeLessThan(2_500);
    const verifying = await bundled(`import { verifyHookRequest } from '@hookcast/receiver'; verifyHookRequest();`);
    expect(verifying).not.toContain('/v1/services');
  });
});

test('the command line is installed from its tarball, and runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-cli-'));
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'operator', private: true }));
    await run('npm', ['install', '--prefer-offline', ...quiet, tarball('cli')], folder);
    expect(await run(join(folder, 'node_modules/.bin/hookcast'), ['--help'], folder)).toContain('doctor');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
