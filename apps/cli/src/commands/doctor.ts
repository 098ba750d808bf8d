import type { Broker } from '../broker.js';
import { textOf, UsageError, type Command } from '../command.js';
import {
  clockFinding,
  deadLetterFinding,
  overviewFindings,
  reconciliationFindings,
  subscriptionFindings,
  type Finding,
  type Listed,
  type Overview,
  type Reconciled,
  type Violation,
} from '../diagnosis.js';

interface Step {
  events: number;
  violations: Violation[];
  unchecked?: number;
  deliveries: Record<string, number>;
  nextCursor: string | null;
}

const marks = { ok: 'ok  ', note: 'note', bad: 'BAD ' };
const shownViolations = 50;
const eventsPerStep = 2_000;

export const doctor: Command = {
  usage: 'doctor [--quick] [--max-events N]',
  summary: 'Check the broker and prove that every accepted event is accounted for; needs a key with admin.',
  options: { quick: { type: 'boolean' }, 'max-events': { type: 'string' } },
  run: async ({ broker, values, say }) => {
    const bound = boundOf(textOf(values['max-events']));
    let isBad = false;
    const tell = (findings: readonly Finding[]) => {
      for (const { grade, text } of findings) {
        isBad ||= grade === 'bad';
        say(`${marks[grade]} ${text}`);
      }
    };
    tell(await health(broker));
    if (isBad) return 1;
    tell(overviewFindings(await broker.ask<Overview>('GET', '/v1/overview')));
    const all: Listed[] = [];
    for await (const one of broker.list<Listed>('/v1/subscriptions')) all.push(one);
    tell(subscriptionFindings(all, Date.now()));
    const dead = await broker.ask<{ items: unknown[] }>('GET', '/v1/dead-letters?limit=1');
    tell([deadLetterFinding(dead.items.length > 0)]);
    if (values['quick'] !== true) tell(reconciliationFindings(await reconcile(broker, bound)));
    return isBad ? 1 : 0;
  },
};

function boundOf(given: string | undefined): number {
  if (given === undefined) return Infinity;
  if (!/^[1-9]\d{0,14}$/.test(given)) throw new UsageError('--max-events takes a number of events above 0.');
  return Number(given);
}

async function health(broker: Broker): Promise<Finding[]> {
  const ready = await broker.answer<{ clockSkewMs?: number | null; detail?: string }>('GET', '/health/ready');
  const { url } = broker.address;
  if (ready.status !== 200) {
    return [
      { grade: 'bad', text: `${url} is not ready (${ready.status}): ${ready.body?.detail ?? 'no reason given'}.` },
    ];
  }
  const { body } = await broker.answer<{ info?: { version?: string } }>('GET', '/openapi.json');
  const version = body?.info?.version ?? 'of an unknown version';
  return [{ grade: 'ok', text: `${url} is ready, Hookcast ${version}.` }, clockFinding(ready.body.clockSkewMs ?? null)];
}

/** Step by step, so that no single request takes long. */
async function reconcile(broker: Broker, bound: number): Promise<Reconciled> {
  const total: Reconciled = { events: 0, deliveries: 0, unchecked: 0, violations: [], isWhole: false };
  for (let cursor: string | null = ''; cursor !== null;) {
    const limit = Math.min(eventsPerStep, bound - total.events);
    if (limit <= 0 || total.violations.length >= shownViolations) return total;
    const request: object = { limit, ...(cursor !== '' && { cursor }) };
    const step: Step = await broker.ask('POST', '/v1/reconciliations', request);
    total.events += step.events;
    for (const count of Object.values(step.deliveries)) total.deliveries += count;
    // A broker of before says nothing about it.
    total.unchecked += step.unchecked ?? 0;
    total.violations.push(...step.violations);
    cursor = step.nextCursor;
  }
  return { ...total, isWhole: true };
}
