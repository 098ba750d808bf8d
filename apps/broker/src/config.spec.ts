import { loadConfig, type Config } from './config.js';

const key = 'PYF2OS9yZW1hcmthYmxlIGtleSBmb3IgdGVzdHMuLiE=';

function configOf(env: Record<string, string>): Config {
  const loaded = loadConfig(env);
  if (loaded.kind === 'bad') throw new Error(loaded.errors.join('\n'));
  return loaded.config;
}

function errorsOf(env: Record<string, string>): string[] {
  const loaded = loadConfig(env);
  return loaded.kind === 'bad' ? loaded.errors : [];
}

test('an empty environment is a complete configuration for one machine', () => {
  expect(configOf({})).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    databaseUrl: undefined,
    dataDir: './.hookcast',
    role: 'all',
    processes: 1,
    retentionDays: 7,
    autoCreateTopics: true,
    attemptLog: 'all',
    publicUrl: 'http://127.0.0.1:8080',
    maxEventBytes: 262_144,
    maxBatchBytes: 4_194_304,
  });
  expect(configOf({}).egressAllow).toContain('127.0.0.0/8');
});

test('with a database of its own, no private range is open', () => {
  const config = configOf({ DATABASE_URL: 'postgres://u:p@db/x', HOOKCAST_ENCRYPTION_KEY: key });
  expect(config.egressAllow).toEqual([]);
});

test('every setting can be given', () => {
  const config = configOf({
    PORT: '0',
    HOST: '::1',
    DATABASE_URL: 'postgresql://user@/db?host=/run/postgresql',
    HOOKCAST_ENCRYPTION_KEY: key,
    HOOKCAST_ADMIN_KEY: 'k'.repeat(32),
    HOOKCAST_ROLE: 'worker',
    HOOKCAST_PROCESSES: '4',
    HOOKCAST_EGRESS_ALLOW: '10.0.0.0/8:8080, *.internal',
    HOOKCAST_AUTO_CREATE_TOPICS: 'false',
    HOOKCAST_ATTEMPT_LOG: 'failures',
    HOOKCAST_PUBLIC_URL: 'https://bus.example/base/',
  });
  expect(config).toMatchObject({
    port: 0,
    role: 'worker',
    processes: 4,
    egressAllow: ['10.0.0.0/8:8080', '*.internal'],
    autoCreateTopics: false,
    attemptLog: 'failures',
    publicUrl: 'https://bus.example/base',
  });
  expect(config.encryptionKey).toHaveLength(32);
});

test('an IPv6 host makes a public URL that can be opened', () => {
  expect(configOf({ HOST: '::1', PORT: '9000' }).publicUrl).toBe('http://[::1]:9000');
});

test('an empty text counts as not set', () => {
  expect(configOf({ PORT: '', HOOKCAST_ADMIN_KEY: ' ' })).toMatchObject({ port: 8080, adminKey: undefined });
});

test('an admin key has characters that every client sends alike', () => {
  const phrase = 'a correct horse, battery & staple';
  expect(configOf({ HOOKCAST_ADMIN_KEY: phrase })).toMatchObject({ adminKey: phrase });
  for (const other of [`${phrase}é`, `${phrase}\u007f`, `${phrase}\n${phrase}`, phrase.slice(0, 31)]) {
    expect(errorsOf({ HOOKCAST_ADMIN_KEY: other }).join()).toContain('HOOKCAST_ADMIN_KEY');
  }
});

test('every bad setting is named at once', () => {
  const errors = errorsOf({
    PORT: '99999',
    HOOKCAST_ROLE: 'boss',
    HOOKCAST_PROCESSES: 'many',
    HOOKCAST_RETENTION_DAYS: '1.5',
    HOOKCAST_EGRESS_ALLOW: 'nonsense/99',
    HOOKCAST_PUBLIC_URL: 'ftp://x',
    HOOKCAST_HANDSHAKE: 'perhaps',
    HOOKCAST_AUTO_CREATE_TOPICS: 'yes',
    DATABASE_URL: 'mysql://x',
  });
  const variables = errors.map((error) => error.split(' ', 1)[0]);
  expect(variables).toEqual([
    'PORT',
    'DATABASE_URL',
    'HOOKCAST_ROLE',
    'HOOKCAST_PROCESSES',
    'HOOKCAST_EGRESS_ALLOW',
    'HOOKCAST_RETENTION_DAYS',
    'HOOKCAST_AUTO_CREATE_TOPICS',
    'HOOKCAST_PUBLIC_URL',
    'HOOKCAST_HANDSHAKE',
    'HOOKCAST_ENCRYPTION_KEY',
  ]);
  expect(errors[0]).toBe('PORT must be a whole number from 0 to 65535 (got "99999")');
});

test('secrets are not repeated in errors', () => {
  const errors = errorsOf({
    HOOKCAST_ADMIN_KEY: 'hunter2',
    HOOKCAST_ENCRYPTION_KEY: 'hunter3',
    DATABASE_URL: 'hunter4',
  });
  expect(errors).toHaveLength(3);
  expect(errors.join()).not.toMatch(/hunter/);
});

test.each([
  ['too short', 'c2hvcnQ='],
  ['an example', Buffer.alloc(32).toString('base64')],
  ['not base64', '!'.repeat(44)],
])('an encryption key that is %s is refused', (_, text) => {
  expect(errorsOf({ HOOKCAST_ENCRYPTION_KEY: text })).toHaveLength(1);
});

test('with DATABASE_URL the encryption key has to be given', () => {
  expect(errorsOf({ DATABASE_URL: 'postgres://u:p@db/x' })).toEqual([
    expect.stringMatching(/^HOOKCAST_ENCRYPTION_KEY must be set/),
  ]);
});

test('limits that contradict each other are refused', () => {
  const errors = errorsOf({ HOOKCAST_MAX_EVENT_BYTES: '2000000', HOOKCAST_MAX_BATCH_BYTES: '1000000' });
  expect(errors).toEqual(['HOOKCAST_MAX_BATCH_BYTES must not be less than HOOKCAST_MAX_EVENT_BYTES']);
});
