// `npm run sbom -- FILE`: a CycloneDX bill of materials of what runs in production (the apps and the libraries, without the
// examples), read out of package-lock.json, so that it is the same on every platform. FILE is sbom.cdx.json when left out.
// `npm sbom` is no help here: it leaves out every package that the root lists for development too.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tool = `${root}scripts/sbom/node_modules/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js`;
const [output = 'sbom.cdx.json'] = process.argv.slice(2);

// Installed apart from the project and without its optional parts: they validate XML and bring an install script along.
const install = ['ci', '--prefix', 'scripts/sbom', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
const list = [
  '--package-lock-only',
  '--omit',
  'dev',
  '--workspace',
  'apps',
  '--workspace',
  'libs',
  '--flatten-components',
];

if (!existsSync(tool)) run('npm', install);
run('node', [tool, ...list, '--output-reproducible', '--output-file', output]);

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}
