import { RE2JS } from '@bufbuild/re2';
import { Injectable } from '@nestjs/common';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';

/** What is wrong with a value: a JSON pointer into it and a sentence's end. */
export interface SchemaFault {
  pointer: string;
  detail: string;
}

/** Tells the first fault of a value; undefined when it is as the schema says. */
export type SchemaValidator = (value: unknown) => SchemaFault | undefined;

export type CompiledSchema =
  { kind: 'compiled'; validate: SchemaValidator } | { kind: 'refused'; pointer: string; detail: string };

/** RE2 takes time in proportion to the text, whatever the pattern: a schema cannot stop the broker. */
const re2 = Object.assign((pattern: string) => new RE2JS(pattern), { code: 'new RE2JS' });

/** Compiled schemas that are kept; each is some kilobytes. */
const maxKept = 500;

/**
 * JSON Schema 2020-12 by ajv. One instance serves all topics: schemas are not added to it, so that two topics may use
 * one `$id`, and nothing is ever fetched.
 */
@Injectable()
export class SchemaCompiler {
  private readonly ajv = newAjv();
  private readonly kept = new Map<string, CompiledSchema>();

  /** The same schema is compiled once, as long as not too many others come in between. */
  compile(schema: Record<string, unknown>): CompiledSchema {
    const text = JSON.stringify(schema);
    const known = this.kept.get(text);
    if (known) return known;
    const compiled = this.compileNew(schema);
    if (this.kept.size >= maxKept) this.kept.clear();
    this.kept.set(text, compiled);
    return compiled;
  }

  private compileNew(schema: Record<string, unknown>): CompiledSchema {
    try {
      if (this.ajv.validateSchema(schema) !== true) return refusedBy(this.ajv.errors?.[0]);
      const validate = this.ajv.compile(schema);
      if ('$async' in validate) return { kind: 'refused', pointer: '/$async', detail: 'is not supported' };
      return { kind: 'compiled', validate: validatorOf(validate) };
    } catch (error) {
      // A pattern that RE2 does not know, a $ref to somewhere else, a dialect other than 2020-12.
      return { kind: 'refused', pointer: '', detail: error instanceof Error ? error.message : String(error) };
    }
  }
}

function newAjv(): Ajv2020 {
  // strict would refuse annotations of other tools; allErrors would let one event cost any number of errors.
  const ajv = new Ajv2020({
    strict: false,
    allErrors: false,
    addUsedSchema: false,
    logger: false,
    code: { regExp: re2 },
  });
  formatsPlugin.default(ajv);
  return ajv;
}

function validatorOf(validate: ValidateFunction): SchemaValidator {
  return (value) => (validate(value) ? undefined : faultOf(validate.errors?.[0]));
}

function faultOf(error: ErrorObject | undefined): SchemaFault {
  const detail = [error?.message ?? 'is not as the schema says', paramText(error)].filter(Boolean).join(' ');
  return { pointer: error?.instancePath ?? '', detail };
}

/** ajv's sentences leave out what they are about. */
function paramText(error: ErrorObject | undefined): string | undefined {
  const params: Record<string, unknown> = error?.params ?? {};
  if (error?.keyword === 'enum') return JSON.stringify(params['allowedValues']).slice(0, 200);
  if (error?.keyword === 'const') return JSON.stringify(params['allowedValue']).slice(0, 200);
  if (error?.keyword === 'additionalProperties') return JSON.stringify(params['additionalProperty']).slice(0, 200);
  return undefined;
}

function refusedBy(error: ErrorObject | undefined): CompiledSchema {
  const { pointer, detail } = faultOf(error);
  return { kind: 'refused', pointer, detail: `is no valid JSON Schema 2020-12: ${detail}` };
}
