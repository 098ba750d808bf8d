export type Tone = 'good' | 'warn' | 'bad' | 'calm';

const labels: Record<string, { label: string; tone: Tone }> = {
  active: { label: 'active', tone: 'good' },
  paused: { label: 'paused', tone: 'calm' },
  suspended: { label: 'suspended', tone: 'bad' },
  stale: { label: 'stale', tone: 'warn' },
  'endpoint-down': { label: 'endpoint down', tone: 'bad' },
  'blocked-keys': { label: 'keys blocked', tone: 'warn' },
  failing: { label: 'failing', tone: 'warn' },
  'asked-for-quiet': { label: 'asked for quiet', tone: 'calm' },
  lagging: { label: 'lagging', tone: 'warn' },
  'rate-limited': { label: 'rate limited', tone: 'calm' },
  delivered: { label: 'delivered', tone: 'good' },
  pending: { label: 'pending', tone: 'calm' },
  retrying: { label: 'retrying', tone: 'warn' },
  retry: { label: 'failed, retried', tone: 'warn' },
  dead: { label: 'dead letter', tone: 'bad' },
  suspend: { label: 'failed, suspended', tone: 'bad' },
  dropped: { label: 'dropped', tone: 'calm' },
  discarded: { label: 'discarded', tone: 'calm' },
  skipped: { label: 'skipped', tone: 'calm' },
  unknown: { label: 'no trace', tone: 'calm' },
  running: { label: 'running', tone: 'warn' },
  done: { label: 'done', tone: 'good' },
  failed: { label: 'failed', tone: 'bad' },
  cancelled: { label: 'cancelled', tone: 'calm' },
  accepted: { label: 'accepted', tone: 'good' },
  duplicate: { label: 'duplicate', tone: 'calm' },
  handshake: { label: 'handshake', tone: 'calm' },
  refused: { label: 'refused', tone: 'bad' },
};

/** How a state, kind or verdict is called and coloured. What is not known is shown as it is. */
export function kindOf(name: string): { label: string; tone: Tone } {
  return labels[name] ?? { label: name.replaceAll('-', ' '), tone: 'calm' };
}
