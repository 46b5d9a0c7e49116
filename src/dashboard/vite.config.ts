import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const OUT = join(import.meta.dirname, '../../dist/dashboard')

/** Those of ten builds: a server that runs hands out the files that it began with. */
const KEPT = 40

/** Packed once here, so that no request has to be. */
const packed: Plugin = {
  name: 'packed',
  writeBundle(_options, bundle) {
    for (const name of Object.keys(bundle)) {
      if (/\.(js|css)$/.test(name)) writeFileSync(join(OUT, `${name}.gz`), gzipSync(readFileSync(join(OUT, name))))
    }
    const assets = join(OUT, 'assets')
    const age = (name: string) => statSync(join(assets, name)).mtimeMs
    const newestFirst = readdirSync(assets).toSorted((a, b) => age(b) - age(a))
    for (const name of newestFirst.slice(KEPT)) rmSync(join(assets, name))
  },
}

export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'error',
  build: {
    outDir: OUT,
    emptyOutDir: false,
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  plugins: [packed],
})
