import { z } from 'zod'
import type { Connector } from '../core/connector.ts'
import type { Service } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Line } from '../core/line.ts'
import type { Address } from '../core/phone-number.ts'
import type { Store } from '../core/store.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { address, inQuery } from './fields.ts'

/** What the door needs. */
export interface LookupDesk {
  readonly store: Pick<Store, 'findService' | 'listOwnLines'>
  readonly connectors: Readonly<Record<string, Connector>>
}

const NO_NUMBER = '`number` must be a phone number in E.164 or an e-mail address'
const QUERY = z.strictObject({
  number: inQuery('number', address(NO_NUMBER, NO_NUMBER)),
  /** Taken, and of no effect: the SDK says that it selects no line here. */
  from_number: z.unknown().optional(),
})

/** The SDK's two words: `SMS` says that no iMessage was detected, RCS or not. */
const ANSWER = z.object({ number: z.string(), service: z.enum(['iMessage', 'SMS']) })

/** Lines whose carriers are asked at the same time. */
const MOST_ASKED = 3

/** `GET /api/evaluate-service`: as the SDK's `lookups.lookupNumber` has it. */
export function evaluateServiceDoor({ store, connectors }: LookupDesk): Door {
  const shape = { summary: 'Whether a contact has iMessage', query: QUERY, answer: ANSWER }
  return door(shape, async ({ query: { number }, request }) => {
    const credentials = credentialsOf(request)
    const known = await store.findService({ credentials, number })
    const best = known ?? (await askCarriers(await store.listOwnLines({ credentials }), number, connectors))
    const service: 'iMessage' | 'SMS' = best === 'iMessage' ? best : 'SMS'
    return { number, service }
  })
}

/** The first that knows; null where nobody can be asked. Throws `inconclusive` where all who can be gave no answer. */
async function askCarriers(
  lines: readonly Line[],
  number: Address,
  connectors: LookupDesk['connectors'],
): Promise<Service | null> {
  const online = lines.toSorted((a, b) => Number(b.health.status === 'ONLINE') - Number(a.health.status === 'ONLINE'))
  const able = online.map((line) => connectors[line.connector]?.line(line)).filter((line) => line?.lookUp !== undefined)
  const answers = await Promise.all(able.slice(0, MOST_ASKED).map((line) => line?.lookUp?.(number)))
  const sure = answers.find((answer) => answer?.kind === 'done')
  if (sure?.kind === 'done') return sure.service
  if (answers.length === 0) return null
  throw new ReadbackError('inconclusive', 'Whether that number has iMessage could not be found out. Try again later.')
}
