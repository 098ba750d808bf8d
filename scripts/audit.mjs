// `npm run audit`: known vulnerabilities in what runs in production, from the registry that npm is set to. Exit code 1 for
// findings; 2 where that registry has no such service, which says nothing about the packages.
import { spawnSync } from 'node:child_process';

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const report = parse(stdout);

if (report?.metadata?.vulnerabilities === undefined) {
  console.error('This registry answers no audit; ask one that does: npm audit --omit=dev --registry=<URL>');
  console.error((report?.message ?? report?.error?.summary ?? stderr).trim());
  process.exitCode = 2;
} else {
  const found = Object.values(report.vulnerabilities ?? {});
  for (const { name, severity, range } of found) console.log(`${severity}  ${name} ${range}`);
  console.log(`${found.length} packages with known vulnerabilities`);
  process.exitCode = found.length > 0 ? 1 : 0;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
