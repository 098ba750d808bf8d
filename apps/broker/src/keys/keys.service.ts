import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ApiKey } from '@hookcast/database';
import { parseTimestamp } from '@hookcast/protocol';
import { IsNull, MoreThan, type EntityManager } from 'typeorm';
import { announce } from '../announcements/announcement-store.js';
import { operationalTopics } from '../announcements/operational-topics.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { issueKey, keyBytes, type IssuedKey } from '../auth/key-format.js';
import { KeyUses } from '../auth/key-uses.js';
import { asBroker, callerNamespace, refuseTenants } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { cursorKey, defaultLimit, pageOf, type Page, type PageQuery } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { toKeyResponse, type CreateKeyRequest, type IssuedKeyResponse, type KeyResponse } from './key.dto.js';

/** Makes, rotates and revokes API keys. Each change is a control change, so every process hears of it at once. */
@Injectable()
export class KeysService {
  constructor(
    private readonly control: ControlPlane,
    private readonly uses: KeyUses,
    private readonly trail: AuditTrail,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  async create(
    request: CreateKeyRequest,
    { createdBy, idempotencyKey }: { createdBy: string; idempotencyKey: string | undefined },
  ): Promise<IssuedKeyResponse> {
    const expiresAt = this.expiry(request.expiresAt ?? null);
    const { name, scopes } = request;
    const namespace = namespaceOf(request);
    // The caller's namespace too, so that an idempotency key of one namespace never answers with the key of another.
    const parts = ['create', callerNamespace(), namespace, name, ...scopes, expiresAt?.toISOString() ?? ''];
    const issued = issueKey(this.random(idempotencyKey, parts));
    const row = { id: issued.id, namespace, name, scopes, expiresAt, createdBy };
    // Not confined: the key may be of another namespace, and the entry in the audit log is of the caller's.
    const stored = await asBroker(async () => (await this.repeated(issued.id)) ?? this.store(row, issued));
    this.runtime.log.info({ keyId: issued.id, name, namespace, scopes, createdBy }, 'key.created');
    return answer(stored, issued);
  }

  async list({ limit = defaultLimit, cursor }: PageQuery): Promise<Page<KeyResponse>> {
    const [name = '', id = ''] = cursorKey(cursor, ['string', 'string'])?.map(String) ?? [];
    const alive = { namespace: callerNamespace(), revokedAt: IsNull() };
    await asBroker(() => this.uses.runOnce());
    const found = await this.control.manager.find(ApiKey, {
      where: [
        { ...alive, name: MoreThan(name) },
        { ...alive, name, id: MoreThan(id) },
      ],
      order: { name: 'asc', id: 'asc' },
      take: limit + 1,
    });
    const page = pageOf(found, limit, (key) => [key.name, key.id]);
    return { items: page.items.map(toKeyResponse), nextCursor: page.nextCursor };
  }

  async revoke(id: string): Promise<void> {
    await find(this.control.manager, id);
    await this.control.change(async (tx) => {
      await find(tx, id);
      await tx.update(ApiKey, { id }, { revokedAt: this.runtime.clock.now(), previousHash: null });
    });
    this.runtime.log.info({ keyId: id }, 'key.revoked');
  }

  async rotate(
    id: string,
    { graceSeconds, idempotencyKey }: { graceSeconds: number; idempotencyKey: string | undefined },
  ): Promise<IssuedKeyResponse> {
    const issued = issueKey(this.random(idempotencyKey, ['rotate', id]), id);
    const current = await find(this.control.manager, id);
    if (current.hash.equals(issued.hash)) return answer(current, issued);
    const rotated = await this.control.change(async (tx) => {
      const { hash } = await find(tx, id);
      const now = this.runtime.clock.now();
      await tx.update(
        ApiKey,
        { id },
        {
          hash: issued.hash,
          hint: issued.hint,
          // A key that was still in its grace ends now: there is room for one.
          previousHash: graceSeconds > 0 ? hash : null,
          previousExpiresAt: graceSeconds > 0 ? new Date(now.getTime() + graceSeconds * 1000) : null,
          rotatedAt: now,
        },
      );
      return find(tx, id);
    });
    this.runtime.log.info({ keyId: id, graceSeconds }, 'key.rotated');
    return answer(rotated, issued);
  }

  private async store(
    row: Pick<ApiKey, 'id' | 'namespace' | 'name' | 'scopes' | 'expiresAt' | 'createdBy'>,
    { id, hash, hint }: IssuedKey,
  ): Promise<ApiKey> {
    return this.control.change(async (tx) => {
      this.trail.setTarget(`key/${id}`);
      const twin = await tx.findOneBy(ApiKey, { id });
      if (twin) return twin;
      const createdAt = this.runtime.clock.now();
      await tx.insert(ApiKey, { ...row, hash, hint, createdAt });
      await announce(tx, {
        id: `key-${id}`,
        namespace: row.namespace,
        topic: operationalTopics.keyCreated,
        subject: id,
        data: { keyId: id, name: row.name, scopes: row.scopes, createdBy: row.createdBy, expiresAt: row.expiresAt },
        created_at: createdAt,
      });
      return tx.findOneByOrFail(ApiKey, { id });
    });
  }

  private expiry(text: string | null): Date | null {
    const at = text === null ? null : (parseTimestamp(text) ?? null);
    if (at !== null && at <= this.runtime.clock.now()) {
      throw invalid([{ pointer: '/expiresAt', detail: 'must be in the future' }]);
    }
    return at;
  }

  /** With an idempotency key, derived: a repeated request then gets the same key and nothing has to be remembered. */
  private random(idempotencyKey: string | undefined, parts: readonly string[]): Buffer {
    if (idempotencyKey === undefined) return randomBytes(keyBytes);
    const salt = createHash('sha256')
      .update(JSON.stringify([idempotencyKey, ...parts]))
      .digest();
    return Buffer.from(hkdfSync('sha256', this.runtime.encryptionKey, salt, 'hookcast api key v1', keyBytes));
  }

  private async repeated(id: string): Promise<ApiKey | null> {
    const existing = await this.control.manager.findOneBy(ApiKey, { id });
    if (existing?.revokedAt) {
      throw invalid([{ pointer: '/idempotency-key', detail: 'belongs to a key that is revoked' }]);
    }
    // A rotated key is no longer the one that this request made.
    if (existing?.rotatedAt)
      throw invalid([{ pointer: '/idempotency-key', detail: 'belongs to a key that was rotated' }]);
    return existing;
  }
}

/** @throws Problem forbidden for whoever rules only a namespace of its own */
function namespaceOf({ namespace = callerNamespace() }: CreateKeyRequest): string {
  if (namespace !== callerNamespace()) refuseTenants();
  return namespace;
}

async function find(manager: EntityManager, id: string): Promise<ApiKey> {
  const key = await manager.findOneBy(ApiKey, { namespace: callerNamespace(), id, revokedAt: IsNull() });
  if (!key) throw new Problem('key-not-found', { detail: `No key has the id "${id}".` });
  return key;
}

function answer(key: ApiKey, { text }: IssuedKey): IssuedKeyResponse {
  return Object.assign(toKeyResponse(key), { key: text });
}
