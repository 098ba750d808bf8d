import { publisherSettings } from './settings.js';

const good = { url: 'https://bus.test/prefix', apiKey: 'k'.repeat(32) };

test('an url and a key are all it takes', () => {
  expect(publisherSettings(good)).toMatchObject({
    timeoutMs: 30_000,
    batch: { maxEvents: 1_000, maxBytes: 4_194_304 },
  });
});

test('names everything that is wrong at once', () => {
  const bad = { url: 'ftp://bus.test', apiKey: undefined, maxBatchEvents: 2_000, timeoutMs: 0 };
  expect(() => publisherSettings(bad)).toThrow(
    'createPublisher: url must be an http or https URL without credentials; apiKey is missing; ' +
      'timeoutMs must be from 1, not 0; maxBatchEvents must be from 1 to 1000, not 2000',
  );
});

test.each(['bus.test', '', 'http://user:secret@bus.test'])('"%s" is no broker URL', (url) => {
  expect(() => publisherSettings({ ...good, url })).toThrow(TypeError);
});

test('the key is not repeated in the error about it', () => {
  expect(() => publisherSettings({ ...good, apiKey: 'se cret\n' })).toThrow(
    /^createPublisher: apiKey has characters that no key has$/,
  );
});
