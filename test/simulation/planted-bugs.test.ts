import { firstFailure, testHistories } from './explore.js';
import { plantedBugs } from './planted-bugs.js';

/** Histories that a planted bug may take to be noticed. */
const patience = 400;

describe('the judge notices', () => {
  test.each(Object.entries(plantedBugs))(
    '%s',
    async (_name, sabotage) => {
      expect(await firstFailure(1, patience, sabotage)).toBeDefined();
    },
    120_000,
  );
});

testHistories(0.6, 1);
