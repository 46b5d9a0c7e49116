import { createServer, type RequestListener } from 'node:http'
import { listening } from './listening.ts'

/** A server that answers so, and what paths it was asked for. */
export async function serve(
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly port: number; readonly calls: string[] }> {
  const calls: string[] = []
  const server = createServer((request, response) => {
    calls.push(request.url ?? '')
    answer(request, response)
  })
  const { url, [Symbol.asyncDispose]: end } = await listening(server)
  return { port: Number(new URL(url).port), calls, [Symbol.asyncDispose]: end }
}
