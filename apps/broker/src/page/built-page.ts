import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { isPlainObject } from '../http/field-rules.js';
import type { PageFiles } from './html.js';

/** The dashboard as Vite builds it; `src` and `dist` of the broker are equally far from it. */
export const builtFolder = fileURLToPath(new URL('../../../dashboard/dist/', import.meta.url));

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

export interface Asset {
  type: string;
  /** By content coding. */
  bytes: Record<'identity' | 'gzip' | 'br', Buffer>;
}

/** The files that apps/dashboard was built into: a script and a style sheet, kept compressed in memory. */
export class BuiltPage {
  private readonly assets = new Map<string, Asset>();

  constructor(private readonly folder: string) {}

  /** What the page loads; undefined where it was not built. Read anew, since a build may come while the broker runs. */
  async files(): Promise<PageFiles | undefined> {
    const manifest = await readFile(join(this.folder, '.vite/manifest.json'), 'utf8').catch(() => undefined);
    if (manifest === undefined) return undefined;
    const chunks: unknown = JSON.parse(manifest);
    const entry = Object.values(isPlainObject(chunks) ? chunks : {}).find(isEntry);
    return entry && { scripts: [entry.file], styles: entry.css ?? [] };
  }

  /** A file of the build by its hashed name: what was read once stays as it is. */
  async asset(name: string): Promise<Asset | undefined> {
    const known = this.assets.get(name);
    if (known) return known;
    const type = types[extname(name)];
    if (type === undefined || !/^[\w.-]+$/.test(name)) return undefined;
    const identity = await readFile(join(this.folder, 'assets', name)).catch(() => undefined);
    if (!identity) return undefined;
    const [br, gz] = await Promise.all([promisify(brotliCompress)(identity), promisify(gzip)(identity)]);
    const asset = { type, bytes: { identity, gzip: gz, br } };
    this.assets.set(name, asset);
    return asset;
  }
}

interface Entry {
  file: string;
  css?: string[];
}

function isEntry(chunk: unknown): chunk is Entry {
  return isPlainObject(chunk) && chunk['isEntry'] === true && typeof chunk['file'] === 'string';
}

/** The best coding that a client names without `q=0`. */
export function codingFor(accepted: string | undefined): keyof Asset['bytes'] {
  const named = (accepted ?? '').split(',').map((part) => part.trim().toLowerCase());
  const isNamed = (coding: string) =>
    named.some((part) => part.split(';')[0] === coding && !/;\s*q=0(?:\.0*)?$/.test(part));
  if (isNamed('br')) return 'br';
  return isNamed('gzip') ? 'gzip' : 'identity';
}
