/** What there is to share out: one stream, and the topic whose partitions should spread. */
export interface SharedStream {
  streamId: number;
  topicId: number;
}

/**
 * Shares streams out over workers by rendezvous hashing with bounded loads: a stream goes to the worker with the highest
 * weight that has not yet its share of the topic's partitions. Every worker computes the same answer from the same
 * sets, a joining or leaving worker moves few streams, and a hot topic spreads evenly.
 * Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous"; bounds as in Mirrokni et al. 2016.
 *
 * @returns stream id → worker id; empty when there is no worker
 */
export function shareOut(streams: readonly SharedStream[], workerIds: readonly string[]): Map<number, string> {
  const owners = new Map<number, string>();
  if (workerIds.length === 0) return owners;
  const seeds = workerIds.toSorted().map((workerId) => ({ workerId, seed: hashText(workerId) }));
  for (const partitions of byTopic(streams)) {
    const share = Math.ceil(partitions.length / seeds.length);
    const held = new Map<string, number>();
    for (const { streamId } of partitions) {
      const owner = heaviest(seeds, streamId, (workerId) => (held.get(workerId) ?? 0) < share);
      owners.set(streamId, owner);
      held.set(owner, (held.get(owner) ?? 0) + 1);
    }
  }
  return owners;
}

function byTopic(streams: readonly SharedStream[]): SharedStream[][] {
  const topics = new Map<number, SharedStream[]>();
  for (const stream of streams.toSorted((a, b) => a.streamId - b.streamId)) {
    const partitions = topics.get(stream.topicId);
    if (partitions) partitions.push(stream);
    else topics.set(stream.topicId, [stream]);
  }
  return [...topics.values()];
}

function heaviest(
  workers: readonly { workerId: string; seed: number }[],
  streamId: number,
  hasRoom: (workerId: string) => boolean,
): string {
  let best = '';
  let bestWeight = -1;
  for (const { workerId, seed } of workers) {
    const weight = mix(seed ^ Math.imul(streamId, 0x9e3779b1));
    if (weight > bestWeight && hasRoom(workerId)) {
      best = workerId;
      bestWeight = weight;
    }
  }
  return best;
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: without it neighbouring stream ids would get neighbouring weights. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
