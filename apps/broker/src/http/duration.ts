const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function isUnit(text: string): text is keyof typeof units {
  return text in units;
}

/** Milliseconds of a text like `500ms`, `30s`, `5m`, `2h`, `7d` or bare seconds `30`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text);
  const unit = match?.[2] ?? 's';
  return match && isUnit(unit) ? Math.round(Number(match[1]) * units[unit]) : undefined;
}
