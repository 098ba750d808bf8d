import { execFile } from 'node:child_process';
import { cpSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
export const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where `npm run packages` writes to. */
export const packages = join(root, 'build/packages');

export const libraries = ['publisher', 'receiver'] as const;
type Packed = (typeof libraries)[number] | 'cli';

export const tarball = (name: Packed): string => join(packages, `hookcast-${name}-0.1.0.tgz`);

/** Runs a program to its end and gives what it printed. A failure shows what it complained about. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  settings: Record<string, string> = {},
): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...settings };
  try {
    const { stdout } = await execute(command, [...args], { cwd, env, timeout: 120_000 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** What npm needs in order to talk to nobody about anything but packages. */
export const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

/** The folder of an application on that version of Nest: installed as its lock says, with the packed SDKs in it. */
export async function nestFolder(version: string): Promise<string> {
  const folder = join(here, 'nest', version);
  const installed = join(folder, 'node_modules/.package-lock.json');
  const isFresh =
    existsSync(installed) && statSync(installed).mtimeMs > statSync(`${folder}/package-lock.json`).mtimeMs;
  if (!isFresh) await run('npm', ['ci', ...quiet], folder);
  // Removed first, since another build of the same version would count as installed. npm refuses peers that do not fit.
  rmSync(join(folder, 'node_modules/@hookcast'), { recursive: true, force: true });
  await run('npm', ['install', '--no-save', '--offline', ...quiet, ...libraries.map(tarball)], folder);
  return folder;
}

/** Compiles the application with the compiler and against the types that are installed in the folder, and says where it is. */
export async function compiled(folder: string, type: 'commonjs' | 'module'): Promise<string> {
  const project = join(folder, 'build', type);
  rmSync(project, { recursive: true, force: true });
  cpSync(join(here, 'application'), join(project, 'src'), { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type }));
  const compilerOptions = { rootDir: 'src', outDir: 'dist' };
  const settings = { extends: '../../tsconfig.json', include: ['src'], compilerOptions };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings));
  await run(process.execPath, [join(folder, 'node_modules/typescript/bin/tsc'), '-p', project], folder);
  return join(project, 'dist');
}
