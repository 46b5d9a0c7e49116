import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ReadbackError } from '../core/errors.ts'
import { type Door, door } from './door.ts'

/** Nothing comes from elsewhere, nothing is written into the page, and nobody frames it: keys may be typed into it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Relative, so that it works behind a path too. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Readback: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`

/** Light or dark as its reader's system is, by the class that Swagger UI has for it. */
const START = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reference', deepLinking: true })
`

/** What the page needs, as Swagger UI's package has it. */
const ASSETS: Readonly<Record<string, { readonly type: string; readonly text: () => Promise<string> }>> = {
  'start.js': { type: 'text/javascript', text: async () => START },
  'swagger-ui-bundle.js': {
    type: 'text/javascript',
    text: () => asset(import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js')),
  },
  'swagger-ui.css': { type: 'text/css', text: () => asset(import.meta.resolve('swagger-ui-dist/swagger-ui.css')) },
}

/** Looked for when it is asked for: a start does not wait for it. */
function asset(url: string): Promise<string> {
  return readFile(new URL(url), 'utf8')
}

const HOUR_S = 3_600

/** `GET /docs` [ours]: the description in `/openapi.json`, for reading and trying. */
export function referenceDoor(): Door {
  return door({ summary: 'The reference, for people', types: ['text/html'] }, async ({ reply }) => {
    reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY)
    return PAGE
  })
}

/** `GET /docs/{file}`. */
export function referenceAssetDoor(): Door {
  const params = z.object({ file: z.string() })
  const types = [...new Set(Object.values(ASSETS).map(({ type }) => type))]
  return door({ summary: 'What the reference is made of', params, types }, async ({ params: { file }, reply }) => {
    const found = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined
    if (found === undefined) throw new ReadbackError('not_found', 'There is no such endpoint')
    reply.type(`${found.type}; charset=utf-8`).header('cache-control', `max-age=${HOUR_S}`)
    return found.text()
  })
}
