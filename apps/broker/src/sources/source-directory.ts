import { timingSafeEqual } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Source } from '@hookcast/database';
import type { SourceConfig } from '@hookcast/sources';
import { Repository } from 'typeorm';
import { UnsealError } from '../auth/vault.js';
import { asBroker } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { configOf, schemeInfo } from './source-settings.js';
import { SourceSecrets, tokenDigest } from './source-secrets.js';
import { handedOutUrl, urlForSender } from './source-url.js';

/** A source ready to take requests: with its secrets in the clear. */
export interface OpenSource {
  readonly row: Source;
  readonly entries: readonly SourceEntry[];
  /** Whether a certificate of the sender's has to be fetched. */
  readonly needsCertificate: boolean;
}

/** One URL of a source; the sender may sign it. The same object over requests, as the library keeps what it derives. */
export interface SourceEntry {
  readonly digest: Buffer;
  readonly token: string;
  readonly expiresAt: Date | undefined;
  readonly config: SourceConfig;
}

export type Found =
  | { kind: 'found'; source: OpenSource; entry: SourceEntry }
  | { kind: 'wrong-token'; source: OpenSource }
  | { kind: 'unknown' };

/** What an unknown name is compared with, so that it takes as long as a wrong token. */
const nobody = tokenDigest('no source has this token');

/** The sources of this process, read again after every control change; what did not change is kept as it is. */
@Injectable()
export class SourceDirectory {
  /** By name, which several namespaces may use. */
  private known = new Map<string, readonly OpenSource[]>();
  private generation = 1;
  private loadedGeneration = 0;
  private loading: Promise<void> | undefined;

  constructor(
    @InjectRepository(Source) private readonly sources: Repository<Source>,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly secrets: SourceSecrets,
    control: ControlPlane,
  ) {
    control.onChange(() => {
      this.generation += 1;
    });
  }

  /** @throws the database's error when the sources changed and cannot be read */
  async find(name: string, token: string, now: Date): Promise<Found> {
    while (this.loadedGeneration !== this.generation) await this.refresh();
    const sources = this.known.get(name) ?? [];
    const owned = ownerOf(token, sources);
    if (owned && isLive(owned.entry, now)) return { kind: 'found', ...owned };
    // Of several that share the name, nobody can say whose sender got it wrong.
    const meant = owned?.source ?? (sources.length === 1 ? sources[0] : undefined);
    return meant ? { kind: 'wrong-token', source: meant } : { kind: 'unknown' };
  }

  /** Looks at the database first, whatever was heard of changes. */
  async findAgain(name: string, token: string, now: Date): Promise<Found> {
    this.generation += 1;
    return this.find(name, token, now);
  }

  private async refresh(): Promise<void> {
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    await this.loading;
  }

  private async load(): Promise<void> {
    // A change that comes while the rows are on their way makes the loop in `find` load again.
    const generation = this.generation;
    const rows = await asBroker(async () => this.sources.find());
    const opened = rows.flatMap((row) => this.reuse(row) ?? this.open(row) ?? []);
    this.known = byName(opened);
    this.loadedGeneration = generation;
  }

  private reuse(row: Source): OpenSource | undefined {
    const before = this.known.get(row.name)?.find((source) => source.row.id === row.id);
    return before?.row.updatedAt.getTime() === row.updatedAt.getTime() ? before : undefined;
  }

  private open(row: Source): OpenSource | undefined {
    try {
      const secrets = this.secrets.secrets(row);
      const needsCertificate = schemeInfo(row)?.needs.certificate ?? false;
      const entries = this.secrets.tokens(row).map((token) => {
        const url = handedOutUrl(this.runtime.config.publicUrl, row.name, token.token);
        const config = configOf(settingsWithPending(row), secrets, urlForSender(url, row, secrets[0]));
        return { ...token, config: needsCertificate ? { ...config, trustedCertificates: rootCertificates } : config };
      });
      return { row, entries, needsCertificate };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      this.runtime.log.error({ source: row.name, reason: error.message }, 'source.unusable');
      return undefined;
    }
  }
}

/** Whose token it is, ended ones included. Every token is compared, so that the time tells nothing. */
function ownerOf(
  token: string,
  sources: readonly OpenSource[],
): { source: OpenSource; entry: SourceEntry } | undefined {
  const given = tokenDigest(token);
  if (sources.length === 0) timingSafeEqual(nobody, given);
  let owner: { source: OpenSource; entry: SourceEntry } | undefined;
  for (const source of sources) {
    for (const entry of source.entries) if (timingSafeEqual(entry.digest, given)) owner ??= { source, entry };
  }
  return owner;
}

function byName(sources: readonly OpenSource[]): Map<string, OpenSource[]> {
  const found = new Map<string, OpenSource[]>();
  for (const source of sources) found.set(source.row.name, [...(found.get(source.row.name) ?? []), source]);
  return found;
}

function isLive({ expiresAt }: SourceEntry, now: Date): boolean {
  return expiresAt === undefined || expiresAt > now;
}

const asked = { subscribing: 'subscribe', unsubscribing: 'unsubscribe' } as const;

/** The WebSub style answers a hub's question by what we asked for. */
function settingsWithPending({ sender, scheme, publicKeys, callbackUrl, options, websub }: Source) {
  const state = websub?.state;
  const isWaiting = state === 'subscribing' || state === 'unsubscribing';
  const pending = isWaiting ? { pending: asked[state] } : {};
  return { sender, scheme, publicKeys, callbackUrl, options: { ...options, ...pending } };
}
