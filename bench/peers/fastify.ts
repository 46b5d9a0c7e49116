// The route as Readback has it, in the same framework with the same kind of schema, storing nothing and asking for no key.
import fastify from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'

const { PORT } = process.env
const E164 = /^\+[1-9]\d{6,14}$/

const app = fastify().withTypeProvider<ZodTypeProvider>()
app.setValidatorCompiler(validatorCompiler)
app.setSerializerCompiler(serializerCompiler)

app.get('/readyz', async () => ({ status: 'OK' }))
app.post(
  '/api/mark-read',
  {
    schema: {
      body: z.object({ number: z.string().regex(E164), from_number: z.string().regex(E164) }),
      response: { 200: z.object({ status: z.literal('OK'), message: z.string(), number: z.string() }) },
    },
  },
  async (request, reply) => {
    reply.header('readback-receipt-id', 'rcpt_1')
    return { status: 'OK' as const, message: 'Mark read request sent', number: request.body.number }
  },
)

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
