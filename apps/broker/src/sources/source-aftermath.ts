import { Injectable } from '@nestjs/common';
import type { RawRequest } from '@hookcast/sources';
import { SecretHealth } from './secret-health.js';
import { SourceCaptures } from './source-captures.js';
import type { OpenSource, SourceEntry } from './source-directory.js';
import { SourceFollowUps } from './source-follow-ups.js';
import type { Outcome } from './source-outcome.js';
import { SourceRecorder } from './source-recorder.js';
import type { Reception } from './source-records-store.js';

/** Everything that happens to a request after its answer. None of it makes a sender wait. */
@Injectable()
export class SourceAftermath {
  constructor(
    private readonly recorder: SourceRecorder,
    private readonly health: SecretHealth,
    private readonly captures: SourceCaptures,
    private readonly followUps: SourceFollowUps,
  ) {}

  record(reception: Reception): void {
    this.recorder.note(reception);
  }

  settle(
    { id, at, raw }: { id: string; at: Date; raw: RawRequest | undefined },
    { source, entry }: { source: OpenSource; entry: SourceEntry },
    outcome: Outcome,
  ): void {
    const { row } = source;
    if (outcome.followUp) this.followUps.act(row, outcome.followUp);
    else if (outcome.verdict === 'handshake') this.followUps.revive(row);
    if (raw === undefined) return;
    this.health.note(row, entry, { request: raw, verdict: outcome.verdict, at });
    this.captures.offer(row, entry, { id, at, request: raw, outcome });
  }
}
