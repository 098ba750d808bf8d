// Writes what is published: build/packages/NAME/ and the tarball of each beside it. `npm run packages`.
// The input is what tsc made: so decorators have their metadata, and what is published is what was tested, bundled.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${root}build/packages`;

async function write(folder) {
  const source = `${root}${folder}`;
  const declared = JSON.parse(readFileSync(`${source}/package.json`, 'utf8'));
  const directory = `${target}/${folder.split('/').at(-1)}`;
  mkdirSync(directory, { recursive: true });
  const manifest = declared.bin === undefined ? libraryManifest(declared) : programManifest(declared);
  if (declared.bin === undefined) await bundleLibrary(declared, source, directory);
  else await bundleProgram(declared, source, directory);
  writeFileSync(`${directory}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(`${directory}/README.md`, readable(readFileSync(`${source}/README.md`, 'utf8')));
  cpSync(`${root}LICENSE`, `${directory}/LICENSE`);
  pack(directory);
}

/** Names of the package's entry files by its subpaths: `.` is `index`, `./nest` is `nest`. */
function entriesOf({ exports }) {
  return Object.keys(exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => [subpath, subpath === '.' ? 'index' : subpath.slice(2)]);
}

/** One bundle for all subpaths, so that what they share exists once. What is installed beside the package stays outside. */
async function bundleLibrary(manifest, source, directory) {
  const names = entriesOf(manifest).map(([, name]) => name);
  const inputs = (extension) => Object.fromEntries(names.map((name) => [name, `${source}/dist/${name}${extension}`]));
  const external = outside(Object.keys(manifest.peerDependencies));
  const program = await rolldown({ input: inputs('.js'), external, platform: 'node' });
  // A file for each module: a bundler leaves out unused files without looking inside.
  const modules = { preserveModules: true, preserveModulesRoot: `${source}/dist` };
  await program.write({ ...files(directory, 'esm', '.js'), ...modules });
  await program.write({ ...files(directory, 'cjs', '.cjs'), ...modules });
  await program.close();
  const plugins = [dts({ dtsInput: true, emitDtsOnly: true, tsconfig: false })];
  const types = await rolldown({ input: inputs('.d.ts'), external, platform: 'node', plugins });
  await types.write(files(directory, 'esm', '.d.ts'));
  await types.write(files(directory, 'esm', '.d.cts'));
  await types.close();
}

async function bundleProgram(manifest, source, directory) {
  const installed = Object.keys(manifest.dependencies).filter((name) => !isOurs(name));
  const program = await rolldown({ input: `${source}/dist/main.js`, external: outside(installed), platform: 'node' });
  await program.write(files(directory, 'esm', '.js'));
  await program.close();
  cpSync(`${source}/bin`, `${directory}/bin`, { recursive: true });
}

const files = (directory, format, extension) => ({
  dir: `${directory}/dist`,
  format,
  exports: 'named',
  entryFileNames: ({ name }) => `${name.replace('/dist/', '/')}${extension}`,
  chunkFileNames: `shared/[name]${extension}`,
});

const outside = (packages) => (id) =>
  id.startsWith('node:') || packages.some((name) => id === name || id.startsWith(`${name}/`));

const isOurs = (name) => name.startsWith('@hookcast/');

function libraryManifest(declared) {
  const foreign = Object.keys(declared.dependencies).filter((name) => !isOurs(name));
  if (foreign.length > 0)
    throw new Error(`${declared.name} depends on ${foreign.join(', ')}: it may depend on nothing.`);
  const entries = entriesOf(declared);
  const withPath = entries.filter(([, entry]) => entry !== 'index');
  return {
    ...without(declared, ['dependencies', 'devDependencies']),
    main: './dist/index.cjs',
    module: './dist/index.js',
    types: './dist/index.d.cts',
    exports: {
      ...Object.fromEntries(entries.map(([subpath, entry]) => [subpath, conditions(entry)])),
      './package.json': './package.json',
    },
    // For `moduleResolution: node`, the default of Nest 10 and 11, which does not read `exports`.
    typesVersions: { '*': Object.fromEntries(withPath.map(([, entry]) => [entry, [`./dist/${entry}.d.cts`]])) },
    files: ['dist'],
  };
}

const conditions = (name) => ({
  import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
  require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
});

function programManifest(declared) {
  const installed = Object.entries(declared.dependencies).filter(([name]) => !isOurs(name));
  return { ...without(declared, ['private']), dependencies: Object.fromEntries(installed), files: ['bin', 'dist'] };
}

const without = (object, names) => Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

/** Links that lead out of the package keep their text only. */
const readable = (markdown) => markdown.replaceAll(/\[([^\]]+)\]\(\.\.\/[^)]*\)/g, '$1');

function pack(directory) {
  const options = ['--pack-destination', target, '--ignore-scripts', '--json', '--loglevel=error'];
  const packed = spawnSync('npm', ['pack', directory, ...options], { encoding: 'utf8' });
  if (packed.status !== 0) throw new Error(`npm pack ${directory}: ${packed.stderr}`);
  const [{ filename, entryCount }] = JSON.parse(packed.stdout);
  console.log(`${filename}: ${entryCount} files, ${Math.round(statSync(`${target}/${filename}`).size / 1024)} KiB`);
}

rmSync(target, { recursive: true, force: true });
for (const folder of ['libs/publisher', 'libs/receiver', 'apps/cli']) await write(folder);
