import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Source } from '@hookcast/database';
import { MoreThan, Repository, type EntityManager } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { repeatedRotation, withRotation, type RotationRequest } from '../auth/past-rotations.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { cursorKey, defaultLimit, pageOf, type Page, type PageQuery } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import type { PutSourceRequest } from './source.dto.js';
import { deleteSourceRecords } from './source-records-store.js';
import { randomToken, SourceSecrets } from './source-secrets.js';
import {
  configOf,
  hasSettings,
  secretsOf,
  settingsErrors,
  settingsOf,
  type SourceSettings,
} from './source-settings.js';
import { handedOutUrl } from './source-url.js';

/** Creates, changes and removes sources. */
@Injectable()
export class SourcesService {
  constructor(
    @InjectRepository(Source) private readonly sources: Repository<Source>,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly secrets: SourceSecrets,
  ) {}

  /** For reading outside a change. */
  get manager(): EntityManager {
    return this.control.manager;
  }

  async put(name: string, request: PutSourceRequest): Promise<{ created: boolean; source: Source }> {
    const settings = settingsOf(request);
    const existing = await this.sources.findOneBy({ namespace: callerNamespace(), name });
    const secrets = this.wantedSecrets(request, settings, existing ?? undefined);
    this.check(name, request, settings, secrets);
    if (existing && this.isMet(existing, settings, secrets)) return { created: false, source: existing };
    const put = await this.control.change((tx) => this.apply(tx, name, settings, secrets));
    this.runtime.log.info({ source: name, sender: settings.sender, created: put.created }, 'source.declared');
    return put;
  }

  async list({ limit = defaultLimit, cursor }: PageQuery): Promise<Page<Source>> {
    const [after = ''] = cursorKey(cursor, ['string']) ?? [];
    const found = await this.sources.find({
      where: { namespace: callerNamespace(), name: MoreThan(String(after)) },
      order: { name: 'asc' },
      take: limit + 1,
    });
    return pageOf(found, limit, ({ name }) => [name]);
  }

  /** The events it published stay. */
  async delete(name: string): Promise<void> {
    await this.find(name);
    await this.control.change(async (tx) => {
      const source = await findSource(tx, name);
      touchesOf(tx).nothing();
      await deleteSourceRecords(tx, source.id);
      await tx.delete(Source, { id: source.id });
    });
    this.runtime.log.info({ source: name }, 'source.deleted');
  }

  async rotateToken(name: string, rotation: RotationRequest): Promise<Source> {
    const isRepeated = (source: Source) => {
      const current = this.secrets.currentToken(source);
      return repeatedRotation({ rotations: source.rotations, current }, rotation) !== undefined;
    };
    const before = await this.find(name);
    if (isRepeated(before)) return before;
    const { graceSeconds } = rotation;
    const rotated = await this.update(name, (source, now) => {
      // The same request at the same time may have been first.
      if (isRepeated(source)) return;
      const token = randomToken();
      source.rotations = withRotation(source.rotations, rotation, { secret: token });
      source.tokens = this.secrets.rotated(source, token, { now, graceSeconds });
      // A hub has to learn the new URL before the old one ends.
      if (source.websub?.state === 'subscribed') source.websub = { ...source.websub, renewAt: now.toISOString() };
    });
    this.runtime.log.info({ source: name, graceSeconds }, 'source.token-rotated');
    return rotated;
  }

  /** Changes one source in a control change, so that every process hears of it. */
  async update(name: string, edit: (source: Source, now: Date) => void): Promise<Source> {
    return this.control.change(async (tx) => {
      const source = await findSource(tx, name);
      touchesOf(tx).nothing();
      edit(source, this.runtime.clock.now());
      source.updatedAt = laterThan(source.updatedAt, this.runtime.clock.now());
      return tx.save(source);
    });
  }

  /** @throws Problem source-not-found */
  async find(name: string): Promise<Source> {
    return findSource(this.control.manager, name);
  }

  /** Left out, the stored ones stay, unless they are another sender's. A WebSub secret is ours to choose. */
  private wantedSecrets(request: PutSourceRequest, settings: SourceSettings, existing: Source | undefined): string[] {
    const given = secretsOf(request);
    if (given !== undefined) return given;
    const isSameStyle = existing?.sender === settings.sender && existing.scheme === settings.scheme;
    if (existing && isSameStyle) return this.secrets.secrets(existing);
    return settings.sender === 'websub' ? [randomBytes(32).toString('base64url')] : [];
  }

  private check(name: string, request: PutSourceRequest, settings: SourceSettings, secrets: readonly string[]): void {
    const url = handedOutUrl(this.runtime.config.publicUrl, name, 'token');
    const errors = settingsErrors(request, settings, configOf(settings, secrets, url));
    if (errors.length > 0) throw invalid(errors);
  }

  private isMet(source: Source, settings: SourceSettings, secrets: readonly string[]): boolean {
    const stored = this.secrets.secrets(source);
    const isSame = stored.length === secrets.length && stored.every((secret, index) => secret === secrets[index]);
    return isSame && hasSettings(source, withTopicUrl(source, settings));
  }

  private async apply(
    tx: EntityManager,
    name: string,
    settings: SourceSettings,
    secrets: readonly string[],
  ): Promise<{ created: boolean; source: Source }> {
    const now = this.runtime.clock.now();
    const existing = (await tx.findOneBy(Source, { namespace: callerNamespace(), name })) ?? undefined;
    touchesOf(tx).nothing();
    const owner = { namespace: callerNamespace(), name };
    const sealed = this.secrets.sealed(owner, secrets, existing, now);
    if (existing) {
      const isOtherSender = existing.sender !== settings.sender;
      const changed = Object.assign(existing, withTopicUrl(existing, settings), {
        secrets: sealed,
        state: 'active',
        stateReason: null,
        ...(isOtherSender && { websub: null }),
        updatedAt: laterThan(existing.updatedAt, now),
      });
      return { created: false, source: await tx.save(changed) };
    }
    const source = tx.create(Source, {
      ...owner,
      ...settings,
      secrets: sealed,
      tokens: [this.secrets.newToken(owner, now)],
      state: 'active',
      stateReason: null,
      websub: null,
      capture: null,
      createdAt: now,
      updatedAt: now,
    });
    return { created: true, source: await tx.save(source) };
  }
}

/** Where a WebSub subscription is, its topic is known; a PUT need not repeat it. */
function withTopicUrl(source: Source, settings: SourceSettings): SourceSettings {
  const topic = source.sender === settings.sender ? source.websub?.topic : undefined;
  if (topic === undefined || settings.options['topic'] !== undefined) return settings;
  return { ...settings, options: { ...settings.options, topic } };
}

/** Processes recognise a changed row by this time, so it must move. */
function laterThan(before: Date, now: Date): Date {
  return now > before ? now : new Date(before.getTime() + 1);
}

async function findSource(manager: EntityManager, name: string): Promise<Source> {
  const source = await manager.findOneBy(Source, { namespace: callerNamespace(), name });
  if (!source) throw new Problem('source-not-found', { detail: `No source is named "${name}".` });
  return source;
}
