import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { ApiKey } from '@hookcast/database';
import { parseTimestamp } from '@hookcast/protocol';
import { IsNull, MoreThan, type EntityManager } from 'typeorm';
import { announce } from '../announcements/announcement-store.js';
import { operationalTopics } from '../announcements/operational-topics.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { idBytes, issueKey, keyBytes, type IssuedKey } from '../auth/key-format.js';
import { KeyUses } from '../auth/key-uses.js';
import { asBroker, callerNamespace, refuseTenants } from '../auth/namespace.js';
import { repeatedRotation, withRotation, type RotationRequest } from '../auth/past-rotations.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
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
    const issued = this.issue(idempotencyKey, ['create', callerNamespace(), namespace]);
    const row = { id: issued.id, namespace, name, scopes, expiresAt, createdBy };
    // Not confined: the key may be of another namespace, and the entry in the audit log is of the caller's.
    const stored = await asBroker(async () => (await this.repeated(issued.id)) ?? this.store(row, issued));
    refuseOther(stored, row, issued);
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
      touchesOf(tx).nothing();
      await tx.update(ApiKey, { id }, { revokedAt: this.runtime.clock.now(), previousHash: null });
    });
    this.runtime.log.info({ keyId: id }, 'key.revoked');
  }

  async rotate(
    id: string,
    { graceSeconds, idempotencyKey }: { graceSeconds: number; idempotencyKey: string | undefined },
  ): Promise<IssuedKeyResponse> {
    const request = { graceSeconds, idempotencyKey };
    const known = this.repeatedRotation(await find(this.control.manager, id), request);
    if (known) return known;
    const salt = randomBytes(16).toString('base64url');
    const issued = this.issue(idempotencyKey, ['rotate', id, salt], id);
    const rotated = await this.control.change(async (tx) => {
      const current = await find(tx, id);
      const { hash, rotations } = current;
      touchesOf(tx).nothing();
      // The same request at the same time may have been first.
      const twin = this.repeatedRotation(current, request);
      if (twin) return twin;
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
          rotations: withRotation(rotations, request, { secret: issued.hash, salt }),
        },
      );
      return answer(await find(tx, id), issued);
    });
    this.runtime.log.info({ keyId: id, graceSeconds }, 'key.rotated');
    return rotated;
  }

  private async store(
    row: Pick<ApiKey, 'id' | 'namespace' | 'name' | 'scopes' | 'expiresAt' | 'createdBy'>,
    { id, hash, hint }: IssuedKey,
  ): Promise<ApiKey> {
    return this.control.change(async (tx) => {
      this.trail.setTarget(`key/${id}`);
      touchesOf(tx).nothing();
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

  /** What a repeated rotation was answered with. @throws Problem idempotency-key-conflict */
  private repeatedRotation(key: ApiKey, request: RotationRequest): IssuedKeyResponse | undefined {
    const { id, rotations, hash } = key;
    const past = repeatedRotation({ rotations, current: hash }, request);
    if (past === undefined) return undefined;
    const issued = this.issue(request.idempotencyKey, ['rotate', id, past.salt ?? ''], id);
    refuseLost(key, issued);
    return answer(key, issued);
  }

  /**
   * With an idempotency key, derived, since keys are not stored: a repeated request then gets the same one. The id does
   * not come from the encryption key, so that under another one a repetition is still known for one.
   */
  private issue(idempotencyKey: string | undefined, parts: readonly string[], id?: string): IssuedKey {
    if (idempotencyKey === undefined) return issueKey(randomBytes(keyBytes), id);
    const salt = createHash('sha256')
      .update(JSON.stringify([idempotencyKey, ...parts]))
      .digest();
    const { encryptionKey } = this.runtime;
    const secret = Buffer.from(hkdfSync('sha256', encryptionKey, salt, 'hookcast api key v1', keyBytes - idBytes));
    return issueKey(Buffer.concat([salt.subarray(0, idBytes), secret]), id);
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

/** @throws Problem idempotency-key-conflict when the key that is there was asked for in other words */
function refuseOther(stored: ApiKey, asked: Pick<ApiKey, 'name' | 'scopes' | 'expiresAt'>, issued: IssuedKey): void {
  const wordsOf = ({ name, scopes, expiresAt }: typeof asked) => [name, scopes, expiresAt?.toISOString()];
  if (!isDeepStrictEqual(wordsOf(stored), wordsOf(asked))) throw new Problem('idempotency-key-conflict');
  refuseLost(stored, issued);
}

/** @throws Problem idempotency-key-conflict when the key cannot be derived again */
function refuseLost({ hash }: ApiKey, issued: IssuedKey): void {
  if (hash.equals(issued.hash)) return;
  throw new Problem('idempotency-key-conflict', {
    detail: 'This was done under another encryption key, so its answer cannot be given again. Nothing was changed.',
  });
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
