import type { Operation } from '../api/event-model.js';
import { count, duration } from './quantities.js';

type Counted = Pick<
  Operation,
  'total' | 'done' | 'failed' | 'skipped' | 'waiting' | 'waitsFor' | 'rate' | 'error' | 'createdAt' | 'finishedAt'
>;

/** How many are settled, whatever came of them. */
export function settledOf({ done, failed, skipped }: Pick<Operation, 'done' | 'failed' | 'skipped'>): number {
  return done + failed + skipped;
}

/** Where an operation stands, and when it will be done if it goes on like that. */
export function progressWords(operation: Counted, now: number): string {
  const { total, done, failed, skipped, waiting, waitsFor, error, finishedAt } = operation;
  const parts = [
    `${count(done)} of ${count(total)} done`,
    failed > 0 && `${count(failed)} failed`,
    skipped > 0 && `${count(skipped)} left out`,
    waiting > 0 && `${count(waiting)} under way`,
    waitsFor !== null && `waits: ${waitsFor}`,
    error,
    finishedAt === null && waitsFor === null && leftWords(operation, now),
  ];
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ');
}

function leftWords(operation: Counted, now: number): string {
  const settled = settledOf(operation);
  const passed = now - Date.parse(operation.createdAt);
  const left = operation.total - settled;
  if (settled === 0 || left <= 0 || passed <= 0) return '';
  return `about ${duration((left * passed) / settled)} left`;
}
