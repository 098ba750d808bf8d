import { LoopTurn } from './loop-turn.js';

/** An event loop whose turns are told to begin. */
function loop() {
  const state = { now: 0, done: [] as number[], told: 0 };
  const scheduled: (() => void)[] = [];
  const turn = new LoopTurn({
    clock: { monotonic: () => state.now },
    onTurn: () => (state.told += 1),
    schedule: (work) => scheduled.push(work),
  });
  return {
    state,
    turn,
    next: () => {
      for (const work of scheduled.splice(0)) work();
    },
    ask: (count: number, ms: number) => {
      for (let number = 0; number < count; number += 1)
        turn.run(() => {
          state.now += ms;
          state.done.push(number);
        });
    },
  };
}

test('a bunch of work is spread over turns, in its order', () => {
  const { state, turn, next, ask } = loop();
  ask(7, 0.1);
  expect(state.done).toEqual([0, 1, 2]);
  expect(turn.hasRoom).toBe(false);
  next();
  expect(state.done).toEqual([0, 1, 2, 3, 4, 5]);
  expect(state.told).toBe(1);
  next();
  expect(state.done).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(turn.hasRoom).toBe(true);
});

test('what comes later waits for what already does', () => {
  const { state, next, ask } = loop();
  ask(4, 0.1);
  ask(1, 0);
  expect(state.done).toEqual([0, 1, 2]);
  next();
  expect(state.done).toEqual([0, 1, 2, 3, 0]);
});

test('whoever gives way gets a part of the turns that others fill', () => {
  const { state, next, ask } = loop();
  ask(100, 0.1);
  state.now += 50;
  next();
  // A twelfth of 50 milliseconds.
  expect(state.done).toHaveLength(3 + 41);
});

test('each turn does something, however long it takes', () => {
  const { state, next, ask } = loop();
  ask(3, 10);
  expect(state.done).toHaveLength(1);
  next();
  expect(state.done).toHaveLength(2);
});

test('nothing is scheduled while nothing is asked for', async () => {
  const state = { turns: 0 };
  const turn = new LoopTurn({ clock: { monotonic: () => performance.now() }, onTurn: () => (state.turns += 1) });
  turn.begin();
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(state.turns).toBe(1);
});
