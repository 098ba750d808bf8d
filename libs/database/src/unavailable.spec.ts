import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { isDatabaseUnavailable } from './unavailable.js';

const withCode = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

test.each([
  ['a refused connection', withCode('ECONNREFUSED')],
  [
    'a refused connection on every address of a name',
    new AggregateError([withCode('EPERM'), withCode('ECONNREFUSED')]),
  ],
  ['a socket that is not there', Object.assign(withCode('ENOENT'), { syscall: 'connect' })],
  ['a deadlock that the other one won', withCode('40P01')],
  ['whatever has such a cause', new Error('no answer', { cause: withCode('ECONNRESET') })],
  ['a server that is shutting down', withCode('57P01')],
  ['a server that is starting', withCode('57P03')],
  ['a full disk', withCode('53100')],
  ['a statement that ran too long', withCode('57014')],
  ['a primary that became a standby', withCode('25006')],
  ['a connection that broke', new Error('Connection terminated unexpectedly')],
  ['a pool without a free connection', new Error('timeout exceeded when trying to connect')],
  ['a silent server', new Error('Query read timeout')],
  ['a statement that TypeORM passed on', new QueryFailedError('select 1', [], withCode('57P01'))],
  ['a transaction whose connection broke', new QueryRunnerAlreadyReleasedError()],
])('%s is the database being unavailable', (_what, error) => {
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test.each([
  ['a unique violation', withCode('23505')],
  ['a missing file', Object.assign(withCode('ENOENT'), { syscall: 'open' })],
  ['a wrong statement', withCode('42601')],
  ['a wrong statement that TypeORM passed on', new QueryFailedError('selec', [], withCode('42601'))],
  ['an error of our own', new TypeError('x is not a function')],
  ['something that is no error', 'ECONNREFUSED'],
])('%s is not', (_what, error) => {
  expect(isDatabaseUnavailable(error)).toBe(false);
});
