import { allSettings } from './config.js';
import { unknownSettings } from './unknown-settings.js';

const known = allSettings.map(({ variable }) => variable);

test.each([
  ['HOOKCAST_RETENTION_DAY', 'HOOKCAST_RETENTION_DAYS'],
  ['HOOKCAST_EGRES_ALOW', 'HOOKCAST_EGRESS_ALLOW'],
  ['HOOKCAST_ROLES', 'HOOKCAST_ROLE'],
  ['HOOKCAST_COLOUR_OF_THE_PAGE', null],
])('%s is told of, with the nearest name', (variable, nearest) => {
  expect(unknownSettings({ [variable]: '1' }, known)).toEqual([{ variable, nearest }]);
});

test('settings, and variables of others, are not', () => {
  const names = [...known, 'HOOKCAST_URL', 'HOOKCAST_API_KEY', 'PATH', 'hookcast_x'];
  expect(unknownSettings(Object.fromEntries(names.map((name) => [name, '1'])), known)).toEqual([]);
});
