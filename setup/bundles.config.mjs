import { defineConfig } from 'vite'
import bundles from './bundles.json' with { type: 'json' }

export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'error',
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: '../dist/bundles',
    emptyOutDir: true,
    target: 'node24',
    minify: false,
    rolldownOptions: {
      input: Object.fromEntries(Object.entries(bundles).map(([specifier, name]) => [name, specifier])),
      // zod sets its language where it is loaded, and says of itself that nothing happens there.
      treeshake: false,
      output: { entryFileNames: '[name].js' },
    },
  },
})
