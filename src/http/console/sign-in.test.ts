import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { answerError } from '../errors.ts'
import { serve } from '../surface.ts'
import { signInDoor } from './sign-in.ts'
import { SignInLinks } from './sign-in-links.ts'

test('whoever guesses at one address keeps nobody waiting who mistypes at another', async (t) => {
  const never = async () => assert.fail('nobody is right')
  const app = Fastify().setErrorHandler(answerError)
  t.after(() => app.close())
  const store = { openSession: never, closeSession: never, getVisitor: never }
  const whereabouts = { host: '127.0.0.1', publicUrl: undefined }
  const now = () => 0
  const desk = { store, operatorToken: 'right', links: new SignInLinks(now), whereabouts, autoPlans: [], now }
  serve(app, { '/': { POST: signInDoor(desk) } })
  const mistype = async (remoteAddress: string) =>
    (await app.inject({ method: 'POST', url: '/', remoteAddress, payload: { operator_token: 'wrong' } })).statusCode
  for (let count = 0; count < 10; count++) assert.equal(await mistype('192.0.2.1'), 401)
  assert.deepEqual([await mistype('192.0.2.1'), await mistype('192.0.2.2')], [429, 401])
})
