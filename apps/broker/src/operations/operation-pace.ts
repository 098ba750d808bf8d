import { mostUnderWay, type Operation } from '@hookcast/delivery';

/** Deliveries a second that an operation under way may make now, and why that is less than its rate. */
export function paceOf(
  { pace, rate, slowedBy }: Pick<Operation, 'pace' | 'rate' | 'slowedBy'>,
  waiting: number,
): { pace: number | null; slowedBy: string | null } {
  if (pace !== null) return { pace: Math.round(pace * 10) / 10, slowedBy };
  const isFull = waiting >= mostUnderWay(rate);
  return { pace: rate, slowedBy: isFull ? `${waiting} deliveries are not settled, as many as may be under way` : null };
}
