import { RE2JS } from '@bufbuild/re2';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import { hasTwins } from './unique-items.js';

/** A value costs more to judge than a broker can spend on one event. */
export class SchemaCostError extends Error {
  override readonly name = 'SchemaCostError';
}

/** RE2 takes time in proportion to the text, whatever the pattern: a schema cannot stop the broker. */
const re2 = Object.assign((pattern: string) => new RE2JS(pattern), { code: 'new RE2JS' });

/** Parts of values that may be looked at for one event: about a fifth of a second. */
const maxSteps = 1_000_000;
/** What a long text costs in comparison. */
const stepCharacters = 64;

/** Where the generated code of a schema, or of what a `$ref` names, begins. */
const entry = /(function validate\d+\(data, ?\{.*?\}=\{\}\)\{)/g;

/**
 * ajv that counts what it looks at. Schemas that refer to one another can look at the same value any number of times, so
 * each reference is code of its own, which counts when it is entered.
 */
export class BoundedAjv extends Ajv2020 {
  private steps = 0;

  constructor() {
    super({
      // strict would refuse annotations of other tools; allErrors would let one event cost any number of errors.
      strict: false,
      allErrors: false,
      addUsedSchema: false,
      logger: false,
      inlineRefs: false,
      code: { regExp: re2, process: (code) => code.replaceAll(entry, '$1self.enter(data);') },
    });
    formatsPlugin.default(this);
    // ajv compares every item with every other one.
    this.removeKeyword('uniqueItems');
    this.addKeyword({
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      error: { message: 'must NOT have duplicate items' },
      validate: (isWanted: boolean, items: unknown[]) => !isWanted || !hasTwins(items),
    });
  }

  /** Begins with another value. */
  reset(): void {
    this.steps = 0;
  }

  /** Called by the generated code. @throws SchemaCostError */
  enter(data: unknown): void {
    this.steps += 1 + sizeOf(data);
    if (this.steps > maxSteps) throw new SchemaCostError('takes too much to be held against the schema');
  }
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length / stepCharacters;
  if (typeof data !== 'object' || data === null) return 0;
  return Array.isArray(data) ? data.length : Object.keys(data).length;
}
