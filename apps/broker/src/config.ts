import { parseEgressAllow } from '@hookcast/egress';
import { guardSettings } from './guard-settings.js';
import { limitSettings } from './limit-settings.js';
import { observationSettings } from './observation-settings.js';
import { storageSettings } from './storage-settings.js';
import {
  adminKey,
  baseUrl,
  directory,
  encryptionKey,
  flag,
  hostName,
  oneOf,
  postgresUrl,
  setting,
  wholeNumber,
  type Parsed,
  type Setting,
} from './setting.js';

const embeddedEgress = '127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7';

/** Every setting of the program, in the order in which docs/operations.md lists them. */
const settings = {
  port: setting('PORT', {
    doc: 'Port of the API, the page and the docs; 0 takes any free one.',
    fallback: 8080,
    parse: wholeNumber(0, 65535),
  }),
  host: setting('HOST', {
    doc: 'Address to listen on; `0.0.0.0` for every interface.',
    fallback: '127.0.0.1',
    parse: hostName,
  }),
  databaseUrl: setting<string | undefined>('DATABASE_URL', {
    doc: "The user's own Postgres, version 15 or newer.",
    fallback: undefined,
    shown: 'none: an embedded Postgres under the data dir',
    secret: true,
    parse: postgresUrl,
  }),
  dataDir: setting('HOOKCAST_DATA_DIR', {
    doc: 'Where the embedded database and the generated keys live.',
    fallback: './.hookcast',
    parse: directory,
  }),
  adminKey: setting<string | undefined>('HOOKCAST_ADMIN_KEY', {
    doc: 'First admin key: at least 32 characters of printable ASCII.',
    fallback: undefined,
    shown: 'none: generated once, written to `<data dir>/admin.key` (mode 0600)',
    secret: true,
    parse: adminKey,
  }),
  role: setting<'all' | 'api' | 'worker'>('HOOKCAST_ROLE', {
    doc: '`api` publishes, reads and configures; `worker` delivers and answers only `/health/*` and `/metrics`; `all` does both.',
    fallback: 'all',
    parse: oneOf('all', 'api', 'worker'),
  }),
  processes: setting('HOOKCAST_PROCESSES', {
    doc: 'Processes to fork on this machine, sharing the port.',
    fallback: 1,
    parse: wholeNumber(1, 64),
  }),
  egressAllow: setting<string[] | undefined>('HOOKCAST_EGRESS_ALLOW', {
    doc: 'Private ranges that hooks may point to: `CIDR`, `CIDR:port` or `*.suffix`, comma-separated. Link-local and metadata addresses stay refused.',
    fallback: undefined,
    shown: `embedded: \`${embeddedEgress}\`; with DATABASE_URL: empty`,
    parse: egressAllow,
  }),
  encryptionKey: setting<Buffer | undefined>('HOOKCAST_ENCRYPTION_KEY', {
    doc: 'Seals stored secrets: 32 bytes in base64 (`openssl rand -base64 32`). Every process on one database needs the same.',
    fallback: undefined,
    shown: 'embedded: generated in the data dir; with DATABASE_URL: required',
    secret: true,
    parse: encryptionKey,
  }),
  retentionDays: setting('HOOKCAST_RETENTION_DAYS', {
    doc: 'Days that events stay readable and replayable, unless their topic says otherwise.',
    fallback: 7,
    parse: wholeNumber(1, 3650),
  }),
  ...storageSettings,
  ...observationSettings,
  autoCreateTopics: setting('HOOKCAST_AUTO_CREATE_TOPICS', {
    doc: 'Create a topic at its first publish or subscription.',
    fallback: true,
    parse: flag,
  }),
  attemptLog: setting<'all' | 'failures'>('HOOKCAST_ATTEMPT_LOG', {
    doc: 'Which attempts are recorded.',
    fallback: 'all',
    parse: oneOf('all', 'failures'),
  }),
  auditDays: setting('HOOKCAST_AUDIT_DAYS', {
    doc: 'Days that entries of the audit log are kept.',
    fallback: 400,
    parse: wholeNumber(1, 3650),
  }),
  publicUrl: setting<string | undefined>('HOOKCAST_PUBLIC_URL', {
    doc: 'How services and senders reach this broker.',
    fallback: undefined,
    shown: 'http://HOST:PORT',
    parse: baseUrl,
  }),
  handshake: setting<'off' | 'optional' | 'required'>('HOOKCAST_HANDSHAKE', {
    doc: 'Asks new hook URLs whether they take events. `optional`: only a hook that says no gets none; `required`: only one that says yes gets any.',
    fallback: 'optional',
    parse: oneOf('off', 'optional', 'required'),
  }),
  defaultPartitions: setting('HOOKCAST_DEFAULT_PARTITIONS', {
    doc: 'Partitions of a topic that does not name its own number.',
    fallback: 4,
    parse: wholeNumber(1, 64),
  }),
  ...limitSettings,
  ...guardSettings,
  databaseConnections: setting('HOOKCAST_DATABASE_CONNECTIONS', {
    doc: 'Most connections of the data plane per process; the control plane and notifications take up to 7 more.',
    fallback: 10,
    parse: wholeNumber(3, 200),
  }),
  hookConnections: setting('HOOKCAST_HOOK_CONNECTIONS', {
    doc: 'Most connections to one hook host per process. Fewer than a quarter of `HOOKCAST_DELIVERY_SLOTS` make requests wait.',
    fallback: 128,
    parse: wholeNumber(1, 1024),
  }),
  deliverySlots: setting('HOOKCAST_DELIVERY_SLOTS', {
    doc: 'Hook requests that one process has in flight at most; one endpoint gets a quarter of them.',
    fallback: 512,
    parse: wholeNumber(4, 8192),
  }),
  suspendAfterHours: setting('HOOKCAST_SUSPEND_AFTER_HOURS', {
    doc: 'Hours without a success after which a subscription whose attempts all fail is suspended; 0 for never.',
    fallback: 120,
    parse: wholeNumber(0, 8760),
  }),
  logLevel: setting<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'>('HOOKCAST_LOG_LEVEL', {
    doc: 'Least level that is logged. Lines are JSON on standard output.',
    fallback: 'info',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  }),
  unsafeAllowFsyncOff: setting('HOOKCAST_UNSAFE_ALLOW_FSYNC_OFF', {
    doc: 'Start on a Postgres with `fsync=off`. Accepted events may be lost: for tests only.',
    fallback: false,
    parse: flag,
  }),
};

type Values = { -readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };

/** Every setting, checked and complete. Secrets that are still to be generated are undefined. */
export type Config = Readonly<Omit<Values, 'egressAllow' | 'publicUrl'> & { egressAllow: string[]; publicUrl: string }>;

export type LoadedConfig = { kind: 'ok'; config: Config } | { kind: 'bad'; errors: string[] };

/** For the reference in docs/operations.md. */
export const allSettings: readonly Pick<Setting<unknown>, 'variable' | 'doc' | 'shown'>[] = Object.values(settings);

/** Reads the environment once and whole; a bad environment names everything that is wrong. An empty text counts as not set. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  const errors: string[] = [];
  const read = <T>(from: Setting<T>): T => {
    const text = env[from.variable]?.trim() ?? '';
    const parsed: Parsed<T> = text === '' ? { kind: 'ok', value: from.fallback } : from.parse(text);
    if (parsed.kind === 'ok') return parsed.value;
    errors.push(`${from.variable} must ${parsed.reason}${from.secret ? '' : ` (got ${JSON.stringify(text)})`}`);
    return from.fallback;
  };
  const values = readAll(read);
  errors.push(...contradictions(values, (variable) => (env[variable]?.trim() ?? '') !== ''));
  return errors.length > 0 ? { kind: 'bad', errors } : { kind: 'ok', config: complete(values) };
}

function readAll(read: <T>(from: Setting<T>) => T): Values {
  const entries = Object.entries(settings).map(([key, one]) => [key, read<unknown>(one)]);
  // Each key's value came from that key's own parser.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(entries) as Values;
}

function contradictions(values: Values, isSet: (variable: string) => boolean): string[] {
  const errors: string[] = [];
  if (isSet('DATABASE_URL') && !isSet('HOOKCAST_ENCRYPTION_KEY')) {
    errors.push('HOOKCAST_ENCRYPTION_KEY must be set when DATABASE_URL is (`openssl rand -base64 32` makes one)');
  }
  if (values.maxBatchBytes < values.maxEventBytes) {
    errors.push('HOOKCAST_MAX_BATCH_BYTES must not be less than HOOKCAST_MAX_EVENT_BYTES');
  }
  if (values.maxQueuedBytes < values.maxBatchBytes) {
    errors.push('HOOKCAST_MAX_QUEUED_BYTES must not be less than HOOKCAST_MAX_BATCH_BYTES');
  }
  return errors;
}

function complete(values: Values): Config {
  const host = values.host.includes(':') ? `[${values.host}]` : values.host;
  const allowed = values.databaseUrl === undefined ? embeddedEgress.split(',') : [];
  return Object.freeze({
    ...values,
    egressAllow: values.egressAllow ?? allowed,
    publicUrl: values.publicUrl ?? `http://${host}:${values.port}`,
  });
}

function egressAllow(text: string): Parsed<string[] | undefined> {
  const parsed = parseEgressAllow(text);
  if (parsed.kind === 'malformed') return { kind: 'bad', reason: `list ranges: ${parsed.errors.join('; ')}` };
  return {
    kind: 'ok',
    value: text
      .split(',')
      .map((rule) => rule.trim())
      .filter((rule) => rule !== ''),
  };
}
