import fc from 'fast-check'

/** A call of an account's to the server, where it is as good as any other. */
export interface AnyCall {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

export const LINES = ['+19175550101', '+19175550102'] as const

const TEXTS = [
  'Hello',
  '',
  ' ',
  '\n',
  'a\0b',
  '\ud83d',
  '😀',
  '"{a, NULL}" \\',
  '\u202eabc',
  'é',
  'e\u0301',
  '%',
  'null',
]
const ADDRESSES = [
  ...['+14155550101', '+14155550102', '+1 415 555 0101', '+1415', 'ada@example.com', 'Ada@Example.com'],
  ...['ÄDA@example.com', "o'hara@example.com", '%', '_'],
]
const DAYS = ['2026-12-01', '2030-01-01T00:00:00+14:00', '0001-01-01', '9999-12-31T23:59:59Z', '2026-13-01', 'x']
const LIMITS = ['1', '2', '5', '0', '-1', '100', '1e2', '9007199254740993', ' 3']

const text = fc.constantFrom(...TEXTS)
const address = fc.constantFrom(...ADDRESSES)
const line = fc.constantFrom(...LINES)
const end = fc.constantFrom(...ADDRESSES, ...LINES)
const group = fc.constantFrom('g1', 'G1', 'g 2', '%', 'g\0', '+14155550101', 'ada@example.com')
const service = fc.constantFrom('iMessage', 'RCS', 'SMS', 'sms')
const day = fc.constantFrom(...DAYS)
const limit = fc.constantFrom(...LIMITS)

/** Each of its fields may be left out. */
const some = (fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []) =>
  fc.record(fields, { requiredKeys })
const sends = (method: string, path: string, body: fc.Arbitrary<unknown>): fc.Arbitrary<AnyCall> =>
  body.map((given) => ({ method, path, body: given }))
const asks = (path: string, query: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<AnyCall> =>
  query.map((given) => ({ method: 'GET', path: `${path}?${new URLSearchParams(given as Record<string, string>)}` }))

const WRITTEN = some(
  {
    number: address,
    to_number: line,
    content: text,
    service,
    group_id: group,
    media_urls: fc.constantFrom(
      [],
      ['https://example.com/a'],
      ['https://example.com/a', 'https://example.com/b'],
      [''],
    ),
    message_id: fc.constantFrom('m1', 'm2', 'M1', ' ', 'm\0'),
    sent_at: fc.constantFrom('2020-01-01T00:00:00Z', '2030-01-01T00:00:00Z', '1970-01-01T00:00:00.001Z', 'x'),
  },
  ['number', 'to_number'],
)
const SENT = {
  number: address,
  from_number: line,
  content: text,
  media_url: fc.constantFrom('https://e.com/a', '', 'x'),
}
const STYLE = { send_style: fc.constantFrom('celebration', 'x', '') }
const ASKED = some({ number: address, from_number: fc.oneof(line, address) }, ['number', 'from_number'])
const TYPED = some({ number: address, to_number: line, typing: fc.boolean() }, ['number', 'to_number'])
// What waits for a reply would be waited for.
const TIMING = fc.constantFrom({ mode: 'on_arrival' }, { mode: 'after', delay_s: 0 }, { mode: 'x' }, null)
const WEBHOOKS = some({
  webhooks: fc.array(
    fc.constantFrom(
      'http://127.0.0.1:9/x',
      'http://127.0.0.1:9/X',
      'HTTP://127.0.0.1:9/x#a',
      'http://127.0.0.1:9/ü',
      'x',
      {
        url: 'http://127.0.0.1:9/y',
        secret: 'a-secret-1',
        sendblue_numbers: [LINES[0]],
      },
    ),
    { maxLength: 3 },
  ),
  type: fc.constantFrom('receive', 'outbound', 'read_receipt', 'call_log', 'x'),
})
const MESSAGES = some({
  number: end,
  from_number: end,
  to_number: end,
  sendblue_number: line,
  group_id: group,
  message_type: fc.constantFrom('group', 'message', 'x'),
  is_outbound: fc.constantFrom('true', 'false', '1'),
  service,
  status: fc.constantFrom('RECEIVED', 'DELIVERED', 'READ', 'x', 'a\0'),
  account_email: fc.constantFrom('customer@example.com', 'CUSTOMER@example.com', 'x'),
  created_at_gte: day,
  created_at_lte: day,
  sent_at_gte: day,
  updated_at_lte: day,
  order_by: fc.constantFrom('createdAt', 'updatedAt', 'sentAt', 'x'),
  order_direction: fc.constantFrom('asc', 'desc', 'ASC'),
  limit,
  offset: fc.constantFrom('0', '1', '5', '-1', '99999999999'),
})
const RECEIPTS = some({
  number: address,
  from_number: end,
  state: fc.constantFrom('sent', 'skipped', 'expired', 'failed', 'x'),
  trigger: fc.constantFrom('api', 'auto', 'x'),
  limit,
})
const SEARCHES = ['1415', '(415) 555-0101', 'ada', 'ADA', 'ä', 'Ä', '@', 'G1', '%', '_', "'", '\0', 'e\u0301']
const CONVERSATIONS = some({
  search: fc.constantFrom(...SEARCHES, ...ADDRESSES),
  from_number: line,
  service,
  state: fc.constantFrom('unread', 'read', 'waiting', 'failed', 'x'),
  limit: fc.constantFrom('1', '3', '100'),
})

/** What changes something, as often as what is looked at. */
export const ANY_CALL: fc.Arbitrary<AnyCall> = fc.oneof(
  { weight: 6, arbitrary: sends('POST', '/simulator/messages', WRITTEN) },
  { weight: 3, arbitrary: sends('POST', '/api/mark-read', ASKED) },
  { weight: 3, arbitrary: sends('POST', '/api/send-message', some({ ...SENT, ...STYLE }, ['number', 'from_number'])) },
  sends('POST', '/simulator/handset/open', ASKED),
  sends('POST', '/simulator/typing', TYPED),
  sends('POST', '/api/send-typing-indicator', ASKED),
  sends('POST', '/accounts/settings/auto-mark-read', some({ auto_mark_read: fc.constantFrom(true, false, 'x') })),
  sends('PATCH', '/readback/v1/settings', some({ auto_mark_read_timing: TIMING, from_number: line })),
  sends('POST', '/api/account/webhooks', WEBHOOKS),
  sends('DELETE', '/api/account/webhooks', WEBHOOKS),
  fc.constant({ method: 'GET', path: '/api/account/webhooks' }),
  fc.constant({ method: 'GET', path: '/account' }),
  fc.constant({ method: 'GET', path: '/readback/v1/settings' }),
  { weight: 5, arbitrary: asks('/api/v2/messages', MESSAGES) },
  { weight: 2, arbitrary: asks('/readback/v1/receipts', RECEIPTS) },
  { weight: 3, arbitrary: asks('/console/conversations', CONVERSATIONS) },
  { weight: 2, arbitrary: asks('/simulator/handset', ASKED) },
  asks('/api/evaluate-service', some({ number: address })),
)
