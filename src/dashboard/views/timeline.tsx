import { Text } from '@mantine/core'
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import { focusBefore } from '../focus.ts'
import { Bubble } from '../parts/bubble.tsx'
import { BusyButton } from '../parts/busy-button.tsx'
import { Log } from '../parts/log.tsx'
import { Empty, StateBadge, Time } from '../parts/states.tsx'
import { Why } from '../parts/why.tsx'
import type { ConversationSummary, ConversationView, Message, Receipt } from '../types.ts'
import { autoReason, plain, TRIGGERS } from '../words.ts'

interface TimelineProps {
  conversation: ConversationSummary
  /** The newest first. */
  pages: ConversationView[]
  view: Pick<UseInfiniteQueryResult, 'hasNextPage' | 'isFetchingNextPage'>
  onOlder: () => unknown
  onOpen: (handle: string) => void
}

/** What was written, and each receipt under the message up to which it says "read". */
export function Timeline({ conversation, pages, view, onOlder, onOpen }: TimelineProps) {
  const oldestFirst = pages.toReversed()
  const messages = oldestFirst.flatMap((page) => page.messages)
  const receipts = oldestFirst.flatMap((page) => page.receipts)
  const places = Map.groupBy(receipts, placesAmong(messages))
  return (
    <Log label="Messages and receipts" className="timeline">
      {view.hasNextPage && (
        <BusyButton
          ref={focusBefore}
          variant="subtle"
          size="xs"
          mx="auto"
          busy={view.isFetchingNextPage}
          onClick={onOlder}
        >
          Show older
        </BusyButton>
      )}
      {messages.length === 0 && receipts.length === 0 && (
        <Empty title="No message yet">The contact has not written.</Empty>
      )}
      {places.get(undefined)?.map((receipt) => (
        <ReceiptRow key={receipt.receipt_id} receipt={receipt} />
      ))}
      {messages.map((message) => (
        <div key={message.message_handle} className="entry">
          <MessageEntry message={message} group={conversation.kind === 'group'} onOpen={onOpen} />
          {places.get(message)?.map((receipt) => (
            <ReceiptRow key={receipt.receipt_id} receipt={receipt} />
          ))}
        </div>
      ))}
    </Log>
  )
}

/** The message under which a receipt stands. One that was asked for up to an SMS went for what the contact wrote before that. */
function placesAmong(messages: readonly Message[]): (receipt: Receipt) => Message | undefined {
  const indexes = new Map(messages.map(({ message_handle }, index) => [message_handle, index]))
  return ({ read_up_to, state, service }) => {
    const index = indexes.get(read_up_to ?? '') ?? -1
    const asked = messages[index]
    if (state !== 'sent' || asked?.service !== 'SMS') return asked
    return messages.slice(0, index + 1).findLast((each) => !each.is_outbound && each.service === service)
  }
}

function MessageEntry({
  message,
  group,
  onOpen,
}: {
  message: Message
  group: boolean
  onOpen: (handle: string) => void
}) {
  const { is_outbound: outbound, auto_mark_read: auto } = message
  return (
    <div className="bubble-line" data-own={outbound}>
      <Bubble
        own={outbound}
        service={message.service}
        author={group && !outbound ? message.number : undefined}
        content={message.content}
        mediaUrl={message.media_url}
        onOpen={() => onOpen(message.message_handle)}
      />
      <Text size="xs" c="dimmed" component="div" className="under">
        <Time at={message.sent_at} />
        {outbound && ` · ${message.status.toLowerCase()}${message.reason === null ? '' : `: ${plain(message.reason)}`}`}
        {!outbound &&
          auto !== null &&
          !auto.fired &&
          message.part === 0 &&
          ` · not by itself: ${autoReason(auto.reason ?? '')}`}
      </Text>
    </div>
  )
}

function ReceiptRow({ receipt }: { receipt: Receipt }) {
  const { state, reason, attempts, requests } = receipt
  return (
    <div className="receipt" data-state={state}>
      <div className="receipt-line">
        <StateBadge receipt={receipt} />
        <span className="receipt-what">
          Read receipt {TRIGGERS[receipt.trigger]}
          {requests > 1 && `, ${requests} requests in one`}
          {attempts > 0 && `, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`}
        </span>
        <Text span size="xs" c="dimmed" className="nowrap">
          <Time at={receipt.settled_at ?? receipt.requested_at} exact />
        </Text>
      </div>
      {reason !== null && state !== 'sent' && (
        <div className="receipt-why">
          <Why reason={reason} />
          {receipt.next_attempt_at !== null && (
            <>
              {' '}
              Next try at <Time at={receipt.next_attempt_at} exact />.
            </>
          )}
        </div>
      )}
    </div>
  )
}
