// Which failed test files are tried a second time, and what a second try changes. Why there is one: CONTRIBUTING.md.
import { failed, told } from './suite-report.mjs';

/** Nothing of theirs waits for a process or a socket: what fails once in them is broken. */
const deterministic = new Set(['unit', 'oracles', 'simulation']);
/** More files than a busy machine explains. */
const most = 5;

export function worthASecondTry(outcomes) {
  const files = outcomes.filter((outcome) => failed(outcome) && !deterministic.has(outcome.suite));
  return files.length > most ? [] : files;
}

/** The second outcome counts if it is a clean one, and tells what failed at first; otherwise the first stays. */
export function settled(first, second) {
  const isClean = second !== undefined && second.passed > 0 && !failed(second);
  return isClean ? { ...second, flaky: told(first) } : first;
}
