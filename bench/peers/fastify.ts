// The route as Readback has it, in the same framework with the same kind of schema, storing nothing and asking for no key.
import fastify from 'fastify'
import { z } from 'zod'

const { PORT } = process.env
const E164 = /^\+[1-9]\d{6,14}$/
const BODY = z.object({ number: z.string().regex(E164), from_number: z.string().regex(E164) })

const app = fastify()

app.get('/readyz', async () => ({ status: 'OK' }))
app.post('/api/mark-read', async (request, reply) => {
  const { number } = BODY.parse(request.body)
  reply.header('readback-receipt-id', 'rcpt_1')
  return { status: 'OK', message: 'Mark read request sent', number }
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
