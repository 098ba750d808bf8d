import { defineConfig } from 'vite';

/** One script and one style sheet with hashed names; the broker puts them into the page by their manifest. */
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    manifest: true,
    modulePreload: false,
    target: 'es2022',
    rolldownOptions: { input: 'src/main.tsx' },
  },
});
