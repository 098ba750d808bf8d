import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { libraries, packages, root, tarball } from './packed.js';

const folder = (name: string) => join(packages, name);
const manifestOf = (name: string) => JSON.parse(readFileSync(join(folder(name), 'package.json'), 'utf8'));
const filesOf = (name: string, extension: string) =>
  readdirSync(join(folder(name), 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .map((file) => ({ file, text: readFileSync(join(folder(name), 'dist', file), 'utf8') }));

describe.each(libraries)('@hookcast/%s as it is published', (name) => {
  test('depends on nothing, has optional peers only, and names its side effects and its engine', () => {
    const manifest = manifestOf(name);
    expect(manifest).toMatchObject({ sideEffects: false, engines: { node: '>=20.19.0' }, license: 'Apache-2.0' });
    expect(manifest.dependencies).toBeUndefined();
    expect(Object.keys(manifest.peerDependencies)).toEqual(Object.keys(manifest.peerDependenciesMeta));
    expect(Object.values(manifest.peerDependenciesMeta)).toEqual(
      Object.keys(manifest.peerDependencies).map(() => ({ optional: true })),
    );
    const nest = Object.entries(manifest.peerDependencies).filter(([peer]) => /^@nestjs\/(?!event)/.test(peer));
    expect(nest.length).toBeGreaterThan(2);
    for (const [, range] of nest) expect(range).toBe('^10.0.0 || ^11.0.0 || ^12.0.0');
  });

  test('has every subpath of the workspace as ESM and as CommonJS, with types for each', () => {
    const workspace = JSON.parse(readFileSync(join(root, 'libs', name, 'package.json'), 'utf8'));
    const { exports } = manifestOf(name);
    expect(Object.keys(exports)).toEqual(Object.keys(workspace.exports));
    for (const [subpath, conditions] of Object.entries(exports)) {
      if (subpath === './package.json') continue;
      const entry = subpath === '.' ? 'index' : subpath.slice(2);
      expect(conditions).toEqual({
        import: { types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` },
        require: { types: `./dist/${entry}.d.cts`, default: `./dist/${entry}.cjs` },
      });
    }
  });

  test('names no package but its peers, and imports Nest below /nest only', () => {
    const { peerDependencies } = manifestOf(name);
    const imported = /(?:from |require\(|import\()["']([^."'][^"']*)["']/g;
    for (const { file, text } of ['js', 'cjs', 'd.ts', 'd.cts'].flatMap((one) => filesOf(name, `.${one}`))) {
      const outside = [...text.replaceAll(/\/\*[\s\S]*?\*\//g, '').matchAll(imported)].map((match) => match[1] ?? '');
      for (const specifier of outside.filter((one) => !one.startsWith('node:'))) {
        expect([file, Object.keys(peerDependencies)]).toEqual([
          expect.stringMatching(/^nest|^shared\/nest/),
          expect.arrayContaining([specifier]),
        ]);
      }
    }
  });

  test.each(['.js', '.cjs'])('has one copy of each class over its subpaths: %s', (extension) => {
    const texts = filesOf(name, extension).map(({ text }) => text);
    const classes = texts.flatMap((text) =>
      [...text.matchAll(/^(?:(?:var|let|const) (\w+) = class|class (\w+))/gm)].map(([, one, other]) => one ?? other),
    );
    expect(classes.length).toBeGreaterThan(5);
    expect(classes.filter((one, index) => classes.indexOf(one) < index)).toEqual([]);
  });

  test('is what publint recommends', async () => {
    const { messages, pkg } = await publint({ pkgDir: folder(name), strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('has types that are right for every way to resolve them', async () => {
    const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball(name))));
    expect(result).toMatchObject({ types: { kind: 'included' }, problems: [] });
  });

  test('brings a README without links that lead out of it, and its licence', () => {
    expect(readFileSync(join(folder(name), 'README.md'), 'utf8')).not.toMatch(/\]\(\.\.\//);
    expect(readFileSync(join(folder(name), 'LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });
});
