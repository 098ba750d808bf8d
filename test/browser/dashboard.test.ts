import type { BrowserContext, Page } from 'playwright-core';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { builtDashboard } from '../support/built-dashboard.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';
import { testBrowser, type TestBrowser } from './chromium.js';

const found = await testBrowser();
// Said whichever it is: a run without a browser must not look like one with it.
console.log(
  found
    ? `The page is tried in a browser: ${found.origin}`
    : 'NO BROWSER: the page is not tried. Set CHROMIUM_PATH, or let npm test install test/browser.',
);

const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
const views = ['', 'subscriptions', 'events', 'dead-letters', 'operations', 'topics', 'services', 'sources', 'audit'];

/** Runs in the page, whose types are not those of the tests: controls that a screen reader could not name. */
const unnamedControls = `[...document.querySelectorAll('a, button, select, input:not([type=hidden])')]
  .filter((control) => control.closest('[hidden]') === null)
  .filter((control) => ![control.getAttribute('aria-label'), control.textContent, ...[...(control.labels ?? [])].map((one) => one.textContent)]
    .some((text) => (text ?? '').trim() !== ''))
  .map((control) => control.outerHTML)`;

describe.skipIf(!found)('the page in a browser', () => {
  const { browser } = found ?? ({} as TestBrowser);
  let broker: TestBroker;
  let hooks: HookServer;
  let statusOfPicky = 422;
  let context: BrowserContext;
  let page: Page;
  /** What the browser complains about: scripts that fail, and what the policy of the page keeps from happening. */
  let complaints: string[] = [];

  beforeAll(async () => {
    await builtDashboard();
    hooks = await hookServer();
    hooks.respondWith(({ url }) => (url === '/picky' ? { status: statusOfPicky, body: hostile } : 204));
    broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
    await subscribe('picky', { nonRetryable: [422] });
    await subscribe('plain');
    await subscribe('narrow', { topics: ['orders.created'], filter: 'data.total > 100' });
    for (let turn = 0; turn < 3; turn += 1) await broker.publish('orders.created', { total: turn, note: hostile });
    await until(async () => (await deadLetters()).length === 3, { what: 'three dead letters' });
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    complaints = [];
    page = await context.newPage();
    page.setDefaultTimeout(45_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // Chromium tells of every answer that is no success; which ones those are is the test's own matter.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await found?.close();
    await broker?.close();
    await hooks?.close();
  });

  async function subscribe(name: string, more: object = {}): Promise<void> {
    const body = { topics: ['orders.*'], url: `${hooks.url}/${name}`, retry: { schedule: [] }, ...more };
    const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
    if (status !== 201) throw new Error(text);
  }

  async function deadLetters(): Promise<{ eventId: string }[]> {
    return (await broker.call<{ items: { eventId: string }[] }>('GET', '/v1/dead-letters')).body.items;
  }

  async function enter(hash = '#/', key = adminKey): Promise<void> {
    await page.goto(`${broker.url}/${hash}`);
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('main h1').first().waitFor();
  }

  const says = async (text: string | RegExp) => page.getByText(text).first().waitFor();
  const heading = async (name: string) => page.getByRole('heading', { name, exact: true }).first().waitFor();

  test('a shared address leads to its view, through the login and a wrong key', async () => {
    await page.goto(`${broker.url}/#/subscriptions/picky?status=dead`);
    await page.getByLabel('API key').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await says('That key does not work.');
    await page.getByLabel('API key').fill(adminKey);
    await page.getByRole('button', { name: 'Log in' }).click();
    await heading('picky');
    expect(new URL(page.url()).hash).toBe('#/subscriptions/picky?status=dead');
    expect(await page.getByLabel('Status').inputValue()).toBe('dead');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('API key').waitFor();
  });

  test('the overview says who is in trouble and why', async () => {
    await enter();
    await says(/The bus is well; 1 subscription is in trouble/);
    const row = page.getByRole('row', { name: /picky/ });
    expect(await row.textContent()).toContain('0 % of the attempts of the last hour succeed');
    await row.getByRole('link', { name: 'picky' }).click();
    await heading('picky');
  });

  test('an event says what became of it for everybody, and what others wrote stays text', async () => {
    const [dead] = await deadLetters();
    await enter(`#/events/${dead?.eventId}`);
    await says('given up: non-retryable (status: 422)');
    await says('the hook accepted it');
    await page.getByText('Not for 1 other subscription').click();
    await says('filter: no match');
    await page.getByRole('row', { name: /picky/ }).getByText('1 attempt').click();
    await page.getByText(hostile, { exact: true }).waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.title()).toMatch(/· Hookcast$/);
  });

  test('dead letters are redriven from the kind of their error to the end, numbers first', async () => {
    await enter('#/dead-letters');
    const before = hooks.requests.length;
    statusOfPicky = 204;
    await page.getByRole('button', { name: 'Redrive …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('3 deliveries').waitFor();
    expect(hooks.requests.length).toBe(before);
    await dialog.getByRole('button', { name: 'Redrive' }).click();
    await dialog.getByRole('link', { name: 'see how far it is' }).click();
    await heading('redrive of picky');
    await says('3 of 3 done');
    expect(hooks.requests.slice(before).filter(({ url }) => url === '/picky')).toHaveLength(3);
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await says('None: everything was delivered or is still tried.');
  });

  test('a question that is asked in the moment when the one before closes is shown', async () => {
    await enter('#/subscriptions/plain');
    await page.getByRole('button', { name: 'Seek …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
    // In one turn of the page: the dialog hears of its end only in the next.
    await page.evaluate(`for (const name of ['Cancel', 'Pause'])
      [...document.querySelectorAll('button')].findLast(({ textContent }) => textContent === name).click()`);
    await page.getByRole('dialog', { name: 'Pause' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  test('a subscription is paused, sought and resumed with the keyboard alone', async () => {
    await enter('#/subscriptions/plain');
    const dialog = page.getByRole('dialog');
    const press = async (name: string) => page.getByRole('button', { name, exact: true }).last().press('Enter');
    // A dialog that closes gives the focus back, so the next key waits until it has.
    const leave = async (name: string) => {
      await press(name);
      await dialog.waitFor({ state: 'hidden' });
    };
    await press('Pause');
    await says('Nothing is sent to its hook until somebody resumes it.');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await press('Pause');
    // Until it is open, the last button of that name is the one that opens it.
    await dialog.waitFor();
    await press('Pause');
    await says('It is paused: nothing more is sent, and nothing is lost.');
    await leave('Close');
    await broker.publish('orders.created', { total: 1 });
    await press('Seek …');
    await says('1 waiting event is left out, 0 events sent again');
    await leave('Cancel');
    await press('Resume');
    await page.getByLabel(/At most so many of them a second/).fill('5');
    await press('Resume');
    await says('It is resumed.');
    const { body } = await broker.call<{ drainRate: number; state: string }>('GET', '/v1/subscriptions/plain');
    expect(body).toMatchObject({ state: 'active', drainRate: 5 });
  });

  test('a key that may less hears in words what it may not', async () => {
    const { key } = (await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'r', scopes: ['read'] })).body;
    await enter('#/audit', key);
    await says(/Your key may not do this/);
    await says(/This needs the scope "admin"/);
    await page.getByRole('link', { name: 'Subscriptions' }).click();
    await page.getByRole('link', { name: 'plain' }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await says(/This needs the scope "subscribe:/);
  });

  test('a session that is over says so, and the next one is at the same place', async () => {
    await enter('#/topics');
    await broker.database.pool.query('delete from page_sessions');
    await page.getByRole('link', { name: 'Services' }).click();
    await says(/Your session is over/);
    await page.getByRole('button', { name: 'Log in again' }).click();
    await page.getByLabel('API key').fill(adminKey);
    await page.getByRole('button', { name: 'Log in' }).click();
    await heading('Services');
  });

  test('the documentation of the API is behind the login', async () => {
    await page.goto(`${broker.url}/docs`);
    await page.getByLabel('API key').fill(adminKey);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await says('/v1/topics/{topic}/events');
    expect(new URL(page.url()).pathname).toBe('/docs');
  });

  test('every view fits a phone, light and dark, and names every control', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await enter();
    const [event] = (await broker.call<{ items: { id: string }[] }>('GET', '/v1/topics/orders.created/events')).body
      .items;
    const ones = [
      'subscriptions/picky',
      `events/${event?.id}`,
      'events?topic=orders.created',
      'dead-letters?subscription=picky',
    ];
    for (const view of [...views, ...ones]) {
      await page.goto(`${broker.url}/#/${view}`);
      await page.locator('main h1').first().waitFor();
      await until(async () => (await page.getByText('Loading …').count()) === 0, { what: `${view} to be loaded` });
      expect(await page.evaluate<number>('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(360);
      expect(await page.evaluate<string[]>(unnamedControls), view).toEqual([]);
    }
  });
});
