import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { get } from '../api.ts'
import { Bubble } from '../parts/bubble.tsx'
import { Log } from '../parts/log.tsx'
import { Failure, Loading, Time } from '../parts/states.tsx'
import { documentationNumber } from '../phone.ts'
import type { ConversationSummary, PhoneMessage, Receipt, Trouble } from '../types.ts'
import { plain } from '../words.ts'
import { Composer, type Owner } from './composer.tsx'
import { Knobs } from './knobs.tsx'

interface HandsetProps {
  id: string
  conversation: ConversationSummary
  receipts: Receipt[]
  troubles: Trouble[]
  onOpen: (handle: string) => void
}

/** The contact's phone: what they wrote, what the line wrote, and what became of it as they see it. */
export function Handset({ id, conversation, receipts, troubles, onOpen }: HandsetProps) {
  const phone = useQuery({
    queryKey: ['handset', id],
    queryFn: () => get<{ messages: PhoneMessage[] }>(`/conversations/${id}/handset`),
  })
  const messages = phone.data?.messages ?? []
  const owner = useOwner(conversation, messages)
  return (
    <div className="phone-holder">
      <div className="phone">
        <div className="phone-top">
          <span className="phone-avatar" aria-hidden="true">
            {conversation.from_number.slice(-2)}
          </span>
          <Text size="xs" fw={600}>
            {conversation.from_number}
          </Text>
        </div>
        <Log label="What the phone shows" className="screen">
          {phone.isPending && <Loading rows={2} />}
          {phone.isError && <Failure error={phone.error} again={phone.refetch} />}
          {messages.map((message, index) => (
            <PhoneLine
              key={`${message.written_at} ${message.number} ${message.part} ${message.message_handle}`}
              message={message}
              next={messages.slice(index + 1).find((later) => isOwn(later, owner.number))}
              owner={owner.number}
              group={conversation.kind === 'group'}
              waiting={receipts.find((each) => each.settled_at === null && each.read_up_to === message.message_handle)}
              trouble={troubles.find((each) => each.message_handle === message.message_handle)}
              onOpen={onOpen}
            />
          ))}
        </Log>
        <Composer
          conversation={conversation}
          owner={owner}
          unread={messages.some((each) => each.from_line && each.read_at === null)}
        />
      </div>
      <Knobs line={conversation.from_number} />
    </div>
  )
}

function useOwner(conversation: ConversationSummary, messages: PhoneMessage[]): Owner {
  const [stranger] = useState(documentationNumber)
  const [chosen, choose] = useState<string>()
  if (conversation.kind === 'direct') return { number: conversation.number, others: [], choose }
  const members = [...new Set(messages.filter((each) => !each.from_line).map(({ number }) => number))]
  // Whose it is it stays, also where what they wrote is further back than it shows.
  if (chosen === undefined && members[0] !== undefined) choose(members[0])
  const number = chosen ?? members[0] ?? stranger
  return { number, others: [...new Set([...members, stranger, number])], choose }
}

function isOwn(message: PhoneMessage, owner: string): boolean {
  return !message.from_line && message.number === owner
}

interface PhoneLineProps {
  message: PhoneMessage
  /** What the contact wrote after it. */
  next: PhoneMessage | undefined
  owner: string
  group: boolean
  waiting: Receipt | undefined
  trouble: Trouble | undefined
  onOpen: (handle: string) => void
}

function PhoneLine({ message, next, owner, group, waiting, trouble, onOpen }: PhoneLineProps) {
  const own = isOwn(message, owner)
  const { message_handle: handle, read_at, delivered_at } = message
  // Once for all that were read, or delivered, together: a mark that was there stays.
  const last = next === undefined || next.read_at !== read_at
  return (
    <div className="bubble-line" data-own={own}>
      <Bubble
        own={own}
        service={message.service}
        author={group && !own ? message.number : undefined}
        content={message.content}
        mediaUrl={message.media_url}
        onOpen={handle === null ? undefined : () => onOpen(handle)}
      />
      {own && last && (
        <div className="phone-state" data-state={read_at === null ? 'delivered' : 'read'}>
          {read_at !== null ? (
            <>
              <strong>Read</strong> <Time at={read_at} />
            </>
          ) : delivered_at !== null ? (
            message.service === 'SMS' ? (
              'Sent as text message'
            ) : (
              'Delivered'
            )
          ) : (
            'Sending…'
          )}
        </div>
      )}
      {waiting?.reason != null && <div className="phone-trouble">Read receipt waits · {plain(waiting.reason)}</div>}
      {trouble && (
        <div className="phone-trouble" data-bad="true">
          {trouble.state === 'failed' ? 'Your server was not told' : 'Your server is told again'} ·{' '}
          {trouble.status === null
            ? `the webhook: ${plain(trouble.reason ?? 'no answer')}`
            : `the webhook answered ${trouble.status}`}
        </div>
      )}
    </div>
  )
}
