import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';

/** A browser for the tests, and where it came from. */
export interface TestBrowser {
  browser: Browser;
  origin: string;
  close(): Promise<void>;
}

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The one that CHROMIUM_PATH names, the package's, or one in the usual places; undefined where there is none. */
export async function testBrowser(): Promise<TestBrowser | undefined> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined) return launched(named, 'CHROMIUM_PATH');
  const packaged = await packagedBrowser();
  if (packaged) return packaged;
  const found = usualPlaces.find((place) => existsSync(place));
  return found === undefined ? undefined : launched(found, found);
}

async function launched(
  executablePath: string,
  origin: string,
  more: { env?: Record<string, string>; clean?: () => void } = {},
): Promise<TestBrowser> {
  const env = { ...definedEnvironment(), ...more.env };
  // Tests run as root in containers, where Chromium has no sandbox.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], env });
  const close = async () => {
    await browser.close();
    more.clean?.();
  };
  return { browser, origin: `${origin}, version ${browser.version()}`, close };
}

/** Installed by `npm test` into this folder: a build for Linux on x64, with the libraries that a bare system lacks. */
async function packagedBrowser(): Promise<TestBrowser | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const entry = packageEntry();
  if (entry === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'hookcast-chromium-'));
  const before = { ...process.env };
  // The package unpacks into the folder for temporary files, its libraries only where it takes the system for a bare one.
  Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' });
  try {
    const { default: bundled } = (await import(pathToFileURL(entry).href)) as BundledChromium;
    const path = await bundled.executablePath();
    const fonts = join(folder, 'fonts');
    // The package's own settings look for fonts in /tmp/fonts, and without any Chromium ends.
    writeFileSync(
      join(fonts, 'fonts.conf'),
      `<fontconfig><dir>${fonts}</dir><cachedir>${fonts}</cachedir></fontconfig>`,
    );
    const env = { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_PATH: fonts };
    const clean = () => rmSync(folder, { recursive: true, force: true });
    return await launched(path, '@sparticuz/chromium', { env, clean });
  } finally {
    for (const name of ['TMPDIR', 'AWS_LAMBDA_JS_RUNTIME', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH'])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  }
}

interface BundledChromium {
  default: { executablePath(): Promise<string> };
}

function packageEntry(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@sparticuz/chromium');
  } catch {
    return undefined;
  }
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
