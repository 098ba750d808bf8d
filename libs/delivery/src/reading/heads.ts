import type { Head } from '@hookcast/log';
import type { DeliveryStores } from '../delivery-stores.js';
import type { OwnedStream } from './owned-stream.js';

/** Where the streams end, as the log says; a head that is known to be wrong by that is set right. */
export async function confirmedHeads(
  streams: ReadonlyMap<number, OwnedStream>,
  log: Pick<DeliveryStores['log'], 'heads'>,
): Promise<ReadonlyMap<number, Head>> {
  const assumed = new Map(Array.from(streams.values(), ({ streamId, head }) => [streamId, head] as const));
  const heads = await log.heads([...assumed.keys()]);
  for (const [streamId, { seq }] of heads) streams.get(streamId)?.confirmHead(seq, assumed.get(streamId) ?? seq);
  return heads;
}
