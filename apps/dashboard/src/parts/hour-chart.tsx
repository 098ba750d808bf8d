import type { JSX } from 'preact';
import type { AttemptMinute } from '../api/model.js';
import { useNow } from '../page/use-now.js';
import { barsOf, peakOf, type Bar } from '../words/hour.js';
import { count, counted } from '../words/quantities.js';

const height = 60;
const pitch = 10;

/** The attempts of the last hour, a bar a minute: delivered below, what failed on top. */
export function HourChart({ minutes, label }: { minutes: readonly AttemptMinute[]; label: string }): JSX.Element {
  const minute = Math.floor(useNow() / 60_000) * 60_000;
  const bars = barsOf(minutes, minute);
  const peak = peakOf(bars);
  const sums = { delivered: 0, failed: 0 };
  for (const bar of bars) {
    sums.delivered += bar.delivered;
    sums.failed += bar.failed;
  }
  const words = `${label}: ${counted(sums.delivered, 'attempt')} delivered, ${count(sums.failed)} failed; at most ${count(peak)} a minute`;
  return (
    <figure class="hour">
      <svg viewBox={`0 0 ${pitch * bars.length} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {bars.map((bar, index) => (
          <MinuteBar key={bar.at} bar={bar} x={index * pitch} peak={peak} />
        ))}
      </svg>
      <figcaption>
        <span>{words}</span>
      </figcaption>
    </figure>
  );
}

function MinuteBar({ bar, x, peak }: { bar: Bar; x: number; peak: number }): JSX.Element {
  const scale = peak === 0 ? 0 : height / peak;
  const [good, bad] = [bar.delivered * scale, bar.failed * scale];
  const title = `${new Date(bar.at).toLocaleTimeString()}: ${bar.delivered} delivered, ${bar.failed} failed`;
  return (
    <g>
      <title>{title}</title>
      <rect class="ground" x={x} y={0} width={pitch - 2} height={height} />
      <rect class="good" x={x} y={height - good} width={pitch - 2} height={good} />
      <rect class="bad" x={x} y={height - good - bad} width={pitch - 2} height={bad} />
    </g>
  );
}
