import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const OUT = join(import.meta.dirname, '../../dist/dashboard')

/** Packed once here, so that no request has to be. */
const packed: Plugin = {
  name: 'packed',
  closeBundle() {
    const assets = join(OUT, 'assets')
    for (const name of readdirSync(assets)) {
      if (/\.(js|css)$/.test(name))
        writeFileSync(join(assets, `${name}.gz`), gzipSync(readFileSync(join(assets, name))))
    }
  },
}

export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'error',
  build: { outDir: OUT, emptyOutDir: true, target: 'es2023', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  plugins: [packed],
})
