export interface Change {
  name: string;
  from: string;
  to: string;
}

/** Which members of something differ before and after; what was made or went differs in all of them. */
export function changesIn(before: unknown, after: unknown): Change[] {
  const [old, young] = [membersOf(before), membersOf(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(young)])];
  return names
    .map((name) => ({ name, from: textOf(old[name]), to: textOf(young[name]) }))
    .filter(({ from, to }) => from !== to);
}

const namedChanges = 4;

/** A change in a line: made, gone, or the members that differ, the time of it left out. */
export function changeWords(before: unknown, after: unknown): string {
  if (before === null) return 'made';
  if (after === null) return 'gone';
  const names = changesIn(before, after)
    .map(({ name }) => name)
    .filter((name) => name !== 'updatedAt');
  const more = names.length - namedChanges;
  return `${names.slice(0, namedChanges).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function textOf(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value);
}
