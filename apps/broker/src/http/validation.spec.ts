import { fieldErrors } from './validation.js';

test('faults of nested fields get their whole pointer', () => {
  const error = {
    property: 'retry',
    children: [{ property: 'a/b~c', constraints: { isInt: 'a/b~c must be an integer number' } }],
  };
  expect(fieldErrors(error, '/subscriptions/0')).toEqual([
    { pointer: '/subscriptions/0/retry/a~1b~0c', detail: 'must be an integer number' },
  ]);
});

test('a rule about elements names the element', () => {
  const error = { property: 'topics', constraints: { eachSatisfies: '/1 must be a topic' } };
  expect(fieldErrors(error, '')).toEqual([{ pointer: '/topics/1', detail: 'must be a topic' }]);
});

test('an unknown field is called that', () => {
  const error = { property: 'colour', constraints: { whitelistValidation: 'property colour should not exist' } };
  expect(fieldErrors(error, '')).toEqual([{ pointer: '/colour', detail: 'is not a known field' }]);
});

test('of a value of the wrong type nothing else is said', () => {
  const constraints = { max: 'revision must not be greater than 9', isInt: 'revision must be an integer number' };
  expect(fieldErrors({ property: 'revision', constraints }, '')).toEqual([
    { pointer: '/revision', detail: 'must be an integer number' },
  ]);
});

test.each([
  ['isNumber', 'rate must be a number conforming to the specified constraints', 'must be a number'],
  ['arrayUnique', "All rate's elements must be unique", 'must not hold anything twice'],
])('what %s would say is put plainly', (rule, text, detail) => {
  expect(fieldErrors({ property: 'rate', constraints: { [rule]: text } }, '')).toEqual([{ pointer: '/rate', detail }]);
});

test('a field that is missing is said to be required, and nothing else of it', () => {
  const constraints = { isString: 'name must be a string', satisfies: 'must start with a letter' };
  const error = { property: 'name', value: undefined, constraints };
  expect(fieldErrors(error, '')).toEqual([{ pointer: '/name', detail: 'is required' }]);
});
