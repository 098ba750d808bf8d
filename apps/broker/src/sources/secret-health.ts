import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Source } from '@hookcast/database';
import { verify, type RawRequest, type SourceConfig } from '@hookcast/sources';
import type { SourceEntry } from './source-directory.js';
import { SourceRecorder } from './source-recorder.js';
import type { Verdict } from './source-records-store.js';

/** Looking for the secret costs a verification each, so it is done for one request out of many. */
const everyMs = 1_000;

/** Finds out which of a source's secrets are in use, so that an old one can be removed after a rotation. */
@Injectable()
export class SecretHealth {
  private readonly lookedAt = new Map<number, number>();

  constructor(private readonly recorder: SourceRecorder) {}

  note(
    row: Source,
    { config }: SourceEntry,
    { request, verdict, at }: { request: RawRequest; verdict: Verdict; at: Date },
  ): void {
    if (verdict !== 'accepted' && verdict !== 'duplicate') return;
    const last = this.lookedAt.get(row.id);
    if (last !== undefined && at.getTime() - last < everyMs && at.getTime() >= last) return;
    this.lookedAt.set(row.id, at.getTime());
    const index = verifyingSecret(request, config, at);
    const secretId = index === undefined ? undefined : row.secrets[index]?.id;
    if (secretId !== undefined) this.recorder.noteSecretUse({ sourceId: row.id, secretId, lastAt: at });
  }
}

/** The first secret that alone verifies a request which all of them together do. */
export function verifyingSecret(request: RawRequest, config: SourceConfig, at: Date): number | undefined {
  if (config.secrets.length < 2) return config.secrets.length === 1 ? 0 : undefined;
  const index = config.secrets.findIndex((_, place) => verify(request, onlySecret(config, place), at) === undefined);
  return index < 0 ? undefined : index;
}

/** The other secrets keep their places, since key ids are matched to secrets by place; nothing is signed with these. */
function onlySecret(config: SourceConfig, place: number): SourceConfig {
  const secrets = config.secrets.map((secret, index) => (index === place ? secret : decoyOf(secret)));
  return { ...config, secrets };
}

/** 64 hexadecimal digits, which are well-formed as text, as hexadecimal and as base64 alike. */
function decoyOf(secret: string): string {
  return createHash('sha256').update(`not ${secret}`).digest('hex');
}
