import { Button, Text } from '@mantine/core'
import { useQueries } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { get } from '../api.ts'
import { Bubble } from '../parts/bubble.tsx'
import { Empty, StateBadge, Time } from '../parts/states.tsx'
import { useReasons } from '../reasons.ts'
import type { ConversationView, Message, Receipt } from '../types.ts'
import { autoReason, plain, TRIGGERS } from '../words.ts'

/** What was written, and each receipt under the message up to which it says "read". */
export function Timeline({ view, onOpen }: { view: ConversationView; onOpen: (handle: string) => void }) {
  const { conversation } = view
  const [olderThan, setOlderThan] = useState<string[]>([])
  const older = useQueries({
    queries: olderThan.map((before) => ({
      queryKey: ['conversation', conversation.conversation_id, before],
      queryFn: () => get<ConversationView>(`/conversations/${conversation.conversation_id}?before=${before}`),
      // What is that old does not change any more.
      staleTime: 'static',
    })),
  })
  const pages = [...older.flatMap(({ data }) => (data === undefined ? [] : [data])).reverse(), view]
  const messages = pages.flatMap((page) => page.messages)
  const receipts = pages.flatMap((page) => page.receipts)
  const first = messages[0]
  const more = pages[0]?.more === true && first !== undefined
  const end = useStickyEnd(`${messages.at(-1)?.message_handle} ${receipts.length}`)
  const handles = new Set(messages.map(({ message_handle }) => message_handle))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <div className="timeline" ref={end} tabIndex={0} role="log" aria-label="Messages and receipts">
      {more && (
        <Button
          variant="subtle"
          size="xs"
          mx="auto"
          loading={older.some(({ isPending }) => isPending)}
          onClick={() => setOlderThan([...olderThan, first.message_handle])}
        >
          Show older
        </Button>
      )}
      {messages.length === 0 && receipts.length === 0 && (
        <Empty title="No message yet">The contact has not written.</Empty>
      )}
      {receipts
        .filter(({ read_up_to }) => read_up_to === null || !handles.has(read_up_to))
        .map((receipt) => (
          <ReceiptRow key={receipt.receipt_id} receipt={receipt} />
        ))}
      {messages.map((message) => (
        <div key={message.message_handle} className="entry">
          <MessageEntry message={message} group={conversation.kind === 'group'} onOpen={onOpen} />
          {receipts
            .filter(({ read_up_to }) => read_up_to === message.message_handle)
            .map((receipt) => (
              <ReceiptRow key={receipt.receipt_id} receipt={receipt} />
            ))}
        </div>
      ))}
    </div>
  )
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
  const reasons = useReasons()
  const { state, reason, attempts, requests } = receipt
  const why = reason === null ? undefined : reasons[reason]
  return (
    <div className="receipt" data-state={state}>
      <div className="receipt-line">
        <StateBadge receipt={receipt} />
        <span>
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
          <strong>{plain(reason)}.</strong> {why?.meaning} <span className="remedy">{why?.remedy}</span>
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

/** Stays at the end while one is there, and leaves one alone who reads further up. */
function useStickyEnd(what: string) {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  useEffect(() => {
    const element = box.current
    if (element === null) return
    const look = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80
    }
    element.addEventListener('scroll', look, { passive: true })
    return () => element.removeEventListener('scroll', look)
  }, [])
  useEffect(() => {
    const element = box.current
    if (what !== '' && element !== null && atEnd.current) element.scrollTop = element.scrollHeight
  }, [what])
  return box
}
