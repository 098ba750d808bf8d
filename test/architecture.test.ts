import { readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { countsHistory, statementsOf } from './support/counted-history.js';

const root = fileURLToPath(new URL('..', import.meta.url));

interface SourceFile {
  path: string;
  text: string;
  imports: string[];
}

/** What each package may import besides relative files; `node` stands for every node: module. */
const allowed: Record<string, string[]> = {
  'libs/protocol': ['node:crypto'],
  'libs/egress': ['node', 'undici', 'ipaddr.js'],
  'libs/filter': ['@bufbuild/cel', '@bufbuild/protobuf'],
  'libs/sources': ['node:crypto', '@hookcast/protocol'],
  'libs/database': ['node', 'pg', 'typeorm', '@nestjs/typeorm', '@nestjs/common'],
  'libs/log': ['node', 'pg', 'typeorm', '@nestjs/common', '@hookcast/database', '@hookcast/protocol'],
  'libs/delivery': ['node', 'pg', 'typeorm', '@nestjs/common', '@nestjs/schedule'].concat(
    ['database', 'log', 'egress', 'protocol', 'filter'].map((name) => `@hookcast/${name}`),
  ),
  'libs/publisher': ['node', '@hookcast/protocol'],
  'libs/receiver': ['node', '@hookcast/protocol'],
  'apps/dashboard': ['preact'],
  'apps/cli': ['node', 'json-schema-to-typescript', '@hookcast/publisher', '@hookcast/receiver', '@hookcast/protocol'],
};
/** The part of the receiver SDK that takes the webhooks of SaaS senders: nothing else of it loads their checks. */
const senderFiles = /^libs\/receiver\/src\/(?:verify-from|(?:nest-)?(?:from-)?senders?(?:-[\w-]+)?)\.ts$/;
const nestPackages = ['common', 'core', 'microservices', 'event-emitter']
  .map((name) => `@nestjs/${name}`)
  .concat('rxjs', 'reflect-metadata');
const nestFiles = /^libs\/(publisher|receiver)\/src\/nest[\w.-]*\.ts$/;

function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/(\.spec|\.d)\.ts$/.test(name))
    .map((name) => {
      const path = `${folder}/${name}`;
      const text = readFileSync(`${root}/${path}`, 'utf8');
      const imports = [
        ...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gms),
      ];
      return { path, text, imports: imports.map((match) => match[1] ?? match[2] ?? match[3] ?? '') };
    });
}

const packageOf = (specifier: string) =>
  specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '');

const isNode = (specifier: string) => specifier.startsWith('node:') || builtinModules.includes(specifier);

function forbiddenImports(library: string, file: SourceFile): string[] {
  const rules = allowed[library] ?? [];
  const nest = nestFiles.test(file.path) ? nestPackages : [];
  const senders = senderFiles.test(file.path) ? ['@hookcast/sources'] : [];
  return file.imports
    .filter((name) => !name.startsWith('.'))
    .filter((name) => !(isNode(name) && (rules.includes('node') || rules.includes(name))))
    .filter((name) => ![...rules, ...nest, ...senders].includes(packageOf(name)))
    .map((name) => `${file.path} imports ${name}`);
}

const libraries = [...readdirSync(`${root}/libs`).map((name) => `libs/${name}`), 'apps/cli', 'apps/dashboard'];
const everything = [...libraries.map((name) => `${name}/src`), 'apps/broker/src'].flatMap(sourceFiles);
const offenders = (pattern: RegExp, mayBeIn: RegExp) =>
  everything.filter((file) => !mayBeIn.test(file.path) && pattern.test(file.text)).map((file) => file.path);

test.each(libraries)('%s imports only what its row in ARCHITECTURE.md allows', (library) => {
  expect(allowed).toHaveProperty(library.replaceAll('.', '\\.'));
  expect(sourceFiles(`${library}/src`).flatMap((file) => forbiddenImports(library, file))).toEqual([]);
});

test('the broker does not import the SDKs', () => {
  const sdk = everything.filter(
    (file) =>
      file.path.startsWith('apps/broker') && file.imports.some((name) => /^@hookcast\/(publisher|receiver)/.test(name)),
  );
  expect(sdk.map((file) => file.path)).toEqual([]);
});

test('who receives from the broker only does not load the checks of SaaS senders', () => {
  const reaching = everything.filter(
    (file) =>
      file.path.startsWith('libs/receiver/') &&
      !senderFiles.test(file.path) &&
      file.imports.some((name) => senderFiles.test(`libs/receiver/src/${name.slice(2).replace(/\.js$/, '.ts')}`)),
  );
  expect(reaching.map((file) => file.path)).toEqual([]);
});

test('no package reaches into the files of another', () => {
  expect(everything.flatMap((file) => file.imports.filter((name) => /^@hookcast\/\w+\/(src|dist)/.test(name)))).toEqual(
    [],
  );
});

test('process.env is read in config.ts only', () => {
  expect(
    offenders(
      /process\.env/,
      /^apps\/broker\/src\/(config|main|rotate-key)\.ts$|^apps\/cli\/src\/main\.ts$|^libs\/database\/src\/embedded/,
    ),
  ).toEqual([]);
});

test('SQL stands in *-store.ts, *-log.ts and migrations', () => {
  const sql = /\/\* sql \*\/|\b(?:select\s[\s\S]{1,200}?\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\s/;
  expect(offenders(sql, /-(store|log)\.ts$|\/migrations\/|^libs\/database\/src\//)).toEqual([]);
});

describe('nothing counts events or attempts', () => {
  test.each([
    'select count(*) from events',
    'SELECT COUNT( * )::int AS n\n  FROM attempts a where a.seq = 1',
    'select count(1) from only events',
    'select count(distinct event_id) from "events"',
    'select topic, count(e.seq) from public.events e group by topic',
    'select sum(1) from attempts_20261124',
    'select count(*) over () from events',
    'select seq from attempts group by seq having count(*) > 1',
    'select (select count(*) from events) as n',
    'select count(*) from (select 1 from events) e',
    'select count(*) from topics t join lateral (select seq from events) e on true',
    'with found as (select seq from events where stream_id = 1) select count(*) from found',
    'with found as materialized (select seq from events), more as (select seq from found) select count(*)::int from more m',
    'with found as (select 1), gone as (delete from attempts returning seq) select 1 from found, gone having count(*) > 1',
    'with keys as (select key from events group by key) select count(*) from keys',
    'insert into figures with all_of as (table_of) select n from (with f as (select * from attempts) select count(*) as n from f) c',
  ])('%s is seen', (text) => expect(countsHistory(text)).toBe(true));

  test.each([
    'select count(*) from (select 1 from events limit 1000) e',
    'select count(*) from retries where stream_id = 1',
    'select sum(events) from moved',
    'select count(*) from event_days',
    'with found as (select seq from events limit 100) select count(*) from found',
    'with found as (select seq from events) select max(seq) from found',
    'with tried as (select r.seq from retries r left join lateral (select bool_or(true) from attempts a where a.seq = r.seq) t on true) select count(*) from tried',
    'with retried as (delete from retries returning seq), told as (insert into attempts select seq from retried) select count(*) from retried',
    'select count(*) from topics t where exists (select from events e where e.topic = t.name)',
  ])('%s may stand', (text) => expect(countsHistory(text)).toBe(false));

  test('a statement is put together from the constants of its file', () => {
    const source =
      'const rows = /* sql */ `select seq from events`;\nconst all = `with e as (${rows}) select count(*) from e`;';
    expect(statementsOf(source).map(countsHistory)).toEqual([false, true]);
  });

  test('in the sources there is none', () =>
    expect(everything.filter(({ text }) => statementsOf(text).some(countsHistory)).map(({ path }) => path)).toEqual(
      [],
    ));
});

test('outbound sockets are opened by libs/egress, the SDKs, the command line and the page only', () => {
  const outbound =
    /\bfrom 'undici'|(?<![.\w]|async )fetch\(|\b(?:https?\.request|https?\.get|net\.connect|net\.createConnection|tls\.connect)\(/;
  expect(
    offenders(
      outbound,
      /^libs\/(egress|publisher|receiver)\/|^apps\/cli\/|^apps\/dashboard\/src\/api\/client\.ts$|^libs\/database\/src\/embedded/,
    ),
  ).toEqual([]);
});

test('folders are named after what they do', () => {
  const vague = /\/(utils?|common|helpers?|shared|interfaces|types|dto|entities-base)(\/|\.ts$)/;
  expect(everything.map((file) => file.path).filter((path) => vague.test(path))).toEqual([]);
});
