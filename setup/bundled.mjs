import { registerHooks } from 'node:module'
import bundles from './bundles.json' with { type: 'json' }

/**
 * Given to Node with `--import`: our own files, in whichever thread, load these packages as one file each, where they have some 400. A
 * server has three threads: on SQLite it starts in 1.4 s in place of 2.0, and rests at 162 MiB in place of 189 (docs/performance.md).
 */
const ROOT = new URL('../', import.meta.url).href
const PACKAGES = `${ROOT}node_modules/`
const BUNDLES = `${ROOT}dist/bundles/`

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '' } = context
    const isOurs = parentURL.startsWith(ROOT) && !parentURL.startsWith(PACKAGES)
    if (!isOurs || !Object.hasOwn(bundles, specifier)) return next(specifier, context)
    return { url: `${BUNDLES}${bundles[specifier]}.js`, format: 'module', shortCircuit: true }
  },
})
