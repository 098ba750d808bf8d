import { traceOf } from './trace-context.js';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a trace is taken with its state', () => {
  expect(traceOf({ traceparent, tracestate: 'a=1' })).toEqual({ traceparent, tracestate: 'a=1' });
  expect(traceOf({ traceparent, tracestate: ['a=1', 'b=2'] })).toEqual({ traceparent, tracestate: 'a=1,b=2' });
  expect(traceOf({ traceparent })).toEqual({ traceparent });
});

test.each([
  ['absent', {}],
  ['a state alone', { tracestate: 'a=1' }],
  ['malformed', { traceparent: '00-xyz-1-01' }],
  ['all zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
  ['the forbidden version', { traceparent: traceparent.replace(/^00/, 'ff') }],
  ['given twice', { traceparent: [traceparent, traceparent] }],
])('a trace that is %s is none', (_, headers) => {
  expect(traceOf(headers)).toBeUndefined();
});

test('a state that is too long or no ASCII is left out', () => {
  expect(traceOf({ traceparent, tracestate: 'x'.repeat(513) })).toEqual({ traceparent });
  expect(traceOf({ traceparent, tracestate: 'é' })).toEqual({ traceparent });
});
