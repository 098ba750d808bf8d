import { isDatabaseUnavailable } from './unavailable.js';

const withCode = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });

test.each([
  ['the server refuses connections', withCode('ECONNREFUSED')],
  ['the socket file is gone', withCode('ENOENT', { syscall: 'connect' })],
  ['the server is shutting down', withCode('57P01')],
  ['the server is starting', withCode('57P03')],
  ['there are too many connections', withCode('53300')],
  ['the disk is full', withCode('53100')],
  ['the server became a standby', withCode('25006')],
  ['a statement took too long', withCode('57014')],
  ['a lock was not to be had', withCode('55P03')],
  ['the connection ended', new Error('Connection terminated unexpectedly')],
  ['the pool found none in time', new Error('timeout exceeded when trying to connect')],
  ['TypeORM wrapped it', Object.assign(new Error('x'), { driverError: withCode('ECONNRESET') })],
  ['it is the cause', new Error('x', { cause: withCode('EPIPE') })],
  ['localhost failed over both protocols', new AggregateError([withCode('ECONNREFUSED')])],
])('passes when %s', (_, error) => {
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test.each([
  ['a constraint is violated', withCode('23505')],
  ['a statement is wrong', withCode('42601')],
  ['a file is missing', withCode('ENOENT', { syscall: 'open' })],
  ['the error is a bug', new TypeError('x is not a function')],
  ['it is no error', 'ECONNREFUSED'],
])('is something else when %s', (_, error) => {
  expect(isDatabaseUnavailable(error)).toBe(false);
});
