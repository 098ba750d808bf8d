import pg from 'pg';
import { failureOf, reasonOf, type Failure } from './failure.js';

function databaseError(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('something', 9, 'error'), { code });
}

test.each<[string, string, Failure]>([
  ['the append statement refused', '22012', 'refused'],
  ['an id was stored by another process', '23505', 'raced'],
  ['two processes waited for each other', '40P01', 'raced'],
  ['the day has no partition', '42P01', 'no-day'],
  ['text is not UTF-8', '22021', 'data'],
  ['an index entry is too large', '54000', 'data'],
  ['the server shuts down', '57P01', 'disconnected'],
  ['another backend crashed', '57P02', 'disconnected'],
  ['the server is a standby now', '25006', 'disconnected'],
  ['the connection is gone', '08006', 'disconnected'],
  ['the statement ran into its timeout', '57014', 'unavailable'],
  ['a lock was not to be had in time', '55P03', 'unavailable'],
  ['the disk is full', '53100', 'full'],
  ['nobody thought of it', 'XX000', 'unavailable'],
])('sorts what Postgres says when %s', (_when, code, failure) => {
  expect(failureOf(databaseError(code))).toBe(failure);
});

test('everything that Postgres did not say is about the connection', () => {
  expect(failureOf(new Error('Connection terminated unexpectedly'))).toBe('disconnected');
  expect(failureOf(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))).toBe('disconnected');
});

test('gives the reasons of every address that was tried', () => {
  expect(reasonOf(new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]))).toBe(
    '::1 refused; 127.0.0.1 refused',
  );
  expect(reasonOf(databaseError('53100'))).toBe('something (53100)');
});
