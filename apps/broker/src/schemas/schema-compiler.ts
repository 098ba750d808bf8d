import { Injectable } from '@nestjs/common';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { BoundedAjv, SchemaCostError } from './bounded-ajv.js';
import { schemaCircle } from './schema-circles.js';

/** What is wrong with a value: a JSON pointer into it and a sentence's end. */
export interface SchemaFault {
  pointer: string;
  detail: string;
}

/** Tells the first fault of a value; undefined when it is as the schema says. */
export type SchemaValidator = (value: unknown) => SchemaFault | undefined;

export type CompiledSchema =
  { kind: 'compiled'; validate: SchemaValidator } | { kind: 'refused'; pointer: string; detail: string };

/** Compiled schemas that are kept; each is some kilobytes. */
const maxKept = 500;

/**
 * JSON Schema 2020-12 by ajv. One instance serves all topics: schemas are not added to it, so that two topics may use
 * one `$id`, and nothing is ever fetched.
 */
@Injectable()
export class SchemaCompiler {
  private readonly ajv = new BoundedAjv();
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
    this.ajv.reset();
    try {
      if (this.ajv.validateSchema(schema) !== true) return refusedBy(this.ajv.errors?.[0]);
      const circle = schemaCircle(schema);
      if (circle !== undefined) return { kind: 'refused', pointer: circle, detail: 'refers to itself without end' };
      const validate = this.ajv.compile(schema);
      if ('$async' in validate) return { kind: 'refused', pointer: '/$async', detail: 'is not supported' };
      return { kind: 'compiled', validate: validatorOf(this.ajv, validate) };
    } catch (error) {
      // A pattern that RE2 does not know, a $ref to somewhere else, a dialect other than 2020-12.
      return { kind: 'refused', pointer: '', detail: error instanceof Error ? error.message : String(error) };
    }
  }
}

function validatorOf(ajv: BoundedAjv, validate: ValidateFunction): SchemaValidator {
  return (value) => {
    ajv.reset();
    try {
      return validate(value) ? undefined : faultOf(validate.errors?.[0]);
    } catch (error) {
      // What cannot be judged is not as the schema says: the publisher is told so, instead of an error of the broker.
      if (error instanceof SchemaCostError) return { pointer: '', detail: error.message };
      if (error instanceof RangeError) return { pointer: '', detail: 'leads too deep to be held against the schema' };
      throw error;
    }
  };
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
