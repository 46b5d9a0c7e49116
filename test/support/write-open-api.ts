import { writeFile } from 'node:fs/promises'
import { startReadback } from './readback.ts'

/** Where the committed copy of the server's own description lies. */
export const OPEN_API_FILE = new URL('../../openapi.json', import.meta.url)

/** As a server that runs describes itself. */
export async function readOpenApi(): Promise<string> {
  await using server = await startReadback()
  const description = await (await fetch(`${server.base}/openapi.json`)).json()
  return `${JSON.stringify(description, null, 2)}\n`
}

if (import.meta.main) await writeFile(OPEN_API_FILE, await readOpenApi())
