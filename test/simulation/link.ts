import type { Chance } from './chance.js';
import type { Program, VirtualTime } from './virtual-time.js';

/** What the way between the programs and the database does to statements. */
export interface Weather {
  /** Nobody gets through. */
  isAway: boolean;
  /** Share of statements whose answer is lost although they were carried out. */
  lostAnswers: number;
  /** Share of statements that reach the database long after their sender has given them up. */
  lateStatements: number;
  /** Names of programs that cannot reach the database. */
  readonly cutOff: Set<string>;
}

export class DatabaseGone extends Error {
  constructor() {
    super('Connection terminated unexpectedly');
  }
}

/** The connections of one program to the database. */
export class Link {
  constructor(
    private readonly time: VirtualTime,
    private readonly chance: Chance,
    private readonly weather: Weather,
    private readonly program: Program,
  ) {}

  /** Carries a statement there and its answer back, or neither, or only the one. */
  async call<T>(statement: () => T): Promise<T> {
    const { time, chance, weather, program } = this;
    return new Promise<T>((resolve, reject) => {
      const fail = (afterMs: number) => time.after(afterMs, () => reject(new DatabaseGone()), program);
      if (chance.happens(weather.lateStatements)) {
        time.after(chance.int(5_000, 25_000), () => this.carryOut(statement));
        fail(5_000);
        return;
      }
      time.after(chance.int(0, 2), () => {
        // A statement that was on its way when its program died may still arrive.
        if (weather.isAway || weather.cutOff.has(program.name) || (program.isDead && chance.happens(0.5))) {
          fail(chance.int(0, 300));
          return;
        }
        const result = this.carryOut(statement);
        if (chance.happens(weather.lostAnswers)) fail(chance.int(0, 300));
        else time.after(chance.int(0, 3), () => answer(result, resolve, reject), program);
      });
    });
  }

  private carryOut<T>(statement: () => T): { value: T } | { error: unknown } {
    try {
      return { value: statement() };
    } catch (error) {
      return { error };
    }
  }
}

function answer<T>(
  result: { value: T } | { error: unknown },
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): void {
  if ('value' in result) resolve(result.value);
  else reject(result.error);
}
