// The route as most would write it: the same framework and schema, and one INSERT for each request, which is on the disk when it answers.
import fastify from 'fastify'
import { Pool } from 'pg'
import { z } from 'zod'

const { PORT, DATABASE_URL } = process.env
const E164 = /^\+[1-9]\d{6,14}$/
const BODY = z.object({ number: z.string().regex(E164), from_number: z.string().regex(E164) })
const INSERT = {
  name: 'insert',
  text: 'insert into requests (number, from_number, requested_at) values ($1, $2, $3) returning id',
}

// As many connections as Readback has.
const pool = new Pool({ connectionString: DATABASE_URL, max: 10 })
await pool.query(`create table if not exists requests (id bigint generated always as identity primary key,
  number text not null, from_number text not null, requested_at bigint not null)`)

const app = fastify()

app.get('/readyz', async () => ({ status: 'OK' }))
app.post('/api/mark-read', async (request, reply) => {
  const { number, from_number } = BODY.parse(request.body)
  const { rows } = await pool.query({ ...INSERT, values: [number, from_number, Date.now()] })
  reply.header('readback-receipt-id', `rcpt_${rows[0].id}`)
  return { status: 'OK', message: 'Mark read request sent', number }
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
