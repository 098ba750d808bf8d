/** Text that is safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Files of ours that a page loads: addresses, relative to `/`. */
export interface PageFiles {
  styles: readonly string[];
  scripts: readonly string[];
}

/** A whole page. Its own files are all that it loads; their addresses have to work at `/` only. */
export function htmlPage(body: string, { styles, scripts }: PageFiles): string {
  const links = styles.map((href) => `<link rel="stylesheet" href="${escapeHtml(href)}">\n`);
  const modules = scripts.map((src) => `<script type="module" src="${escapeHtml(src)}"></script>\n`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Hookcast</title>
<link rel="icon" href="page.svg" type="image/svg+xml">
${links.join('')}${modules.join('')}</head>
<body>
${body}
</body>
</html>
`;
}
