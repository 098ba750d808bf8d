import { ParseBoolPipe, type PipeTransform } from '@nestjs/common';
import { isEventId, isTopicName } from '@hookcast/protocol';
import { Problem } from './problem.js';
import type { ProblemCode } from './problems.js';
import { invalid } from './validation.js';

const name = /^[a-z0-9][a-z0-9._-]{0,127}$/;

export const nameRule =
  'must start with a lower-case letter or digit and hold 1 to 128 lower-case letters, digits, dots, dashes and underscores';

export function isName(text: unknown): boolean {
  return typeof text === 'string' && name.test(text);
}

/**
 * A name in the address of something that is to be created: a bad one is a fault of the request. Names reach SQL
 * only through these pipes, so no NUL byte or over-long text ever does.
 */
export const newName: PipeTransform<string, string> = {
  transform: (text) => {
    if (!isName(text)) throw invalid([{ pointer: '/name', detail: nameRule }]);
    return text;
  },
};

export const newTopicName: PipeTransform<string, string> = {
  transform: (text) => {
    if (!isTopicName(text)) throw invalid([{ pointer: '/topic', detail: `${nameRule}, with no empty segment` }]);
    return text;
  },
};

/** A name of something that has to exist: one that cannot exist is not found, like any other. */
export function existingName(missing: ProblemCode): PipeTransform<string, string> {
  return {
    transform: (text) => {
      if (!isName(text)) throw new Problem(missing);
      return text;
    },
  };
}

export function existingEventId(missing: ProblemCode): PipeTransform<string, string> {
  return {
    transform: (text) => {
      if (!isEventId(text)) throw new Problem(missing);
      return text;
    },
  };
}

/** `?force=true`, absent meaning false. */
export function flagParameter(parameter: string): ParseBoolPipe {
  return new ParseBoolPipe({
    optional: true,
    exceptionFactory: () => invalid([{ pointer: `/${parameter}`, detail: 'must be true or false' }]),
  });
}
