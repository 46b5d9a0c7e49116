import { Group, ScrollArea, Text, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useSearch } from 'wouter'
import { get, query } from '../api.ts'
import { focusBefore, useFocusOnceClosed } from '../focus.ts'
import { useFurther } from '../further.ts'
import { useLineChoice } from '../lines.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Badge, Empty, EmptyList, Failure, Loading, StateBadge, Time } from '../parts/states.tsx'
import type { ConversationSummary, Page } from '../types.ts'
import { Conversation } from './conversation.tsx'
import { ConversationFilters, type Looking } from './conversation-filters.tsx'

/** The list, and beside it the conversation that is open. */
export function Conversations({ openId, autoMarkRead }: { openId: string | undefined; autoMarkRead: boolean }) {
  return (
    <div className="desk" data-open={openId !== undefined}>
      <ConversationList openId={openId} />
      {openId === undefined ? (
        <div className="nothing-open">
          <Empty title="No conversation is open">
            Choose one on the left. What happens in it shows here as it happens.
          </Empty>
        </div>
      ) : (
        <Conversation key={openId} id={openId} autoMarkRead={autoMarkRead} />
      )}
    </div>
  )
}

function ConversationList({ openId }: { openId: string | undefined }) {
  const asked = new URLSearchParams(useSearch()).get('search') ?? ''
  const [looking, setLooking] = useState<Looking>({ search: asked, from_number: '', service: '', state: '' })
  const [settled] = useDebouncedValue(looking, 150)
  const list = useInfiniteQuery({
    queryKey: ['conversations', settled],
    queryFn: ({ pageParam }) =>
      get<Page<ConversationSummary>>(`/conversations${query({ ...settled, cursor: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  })
  const further = useFurther(list, settled)
  const lines = useLineChoice()
  const failure = further.failure ?? (lines.isError && { error: lines.error, again: lines.refetch })
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? []
  const former = list.isPlaceholderData
  // None of what was looked for before says nothing of what is looked for now.
  const unknown = rows.length === 0 && (list.isPending || former)
  const filtered = Object.values(settled).some((word) => word !== '')
  return (
    <section className="list" aria-label="Conversations">
      {openId === undefined && <h1 className="visually-hidden">Conversations</h1>}
      <ConversationFilters looking={looking} onChange={setLooking} lines={lines.data?.data ?? []} />
      {failure && <Failure {...failure} />}
      <ScrollArea
        className="list-body"
        type="auto"
        viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'List of conversations', 'aria-busy': former }}
      >
        {unknown && <Loading rows={6} />}
        <EmptyList
          when={list.isSuccess && rows.length === 0 && !unknown && !list.hasNextPage}
          title={filtered ? 'Nothing matches' : 'Nobody has written yet'}
        >
          {filtered
            ? 'Another number, line, service or state may.'
            : 'A conversation begins when a contact writes to one of your lines.'}
        </EmptyList>
        {rows.map((row) => (
          <Row key={row.conversation_id} row={row} open={row.conversation_id === openId} />
        ))}
        {list.hasNextPage && !unknown && (
          <BusyButton
            ref={focusBefore}
            fullWidth
            variant="subtle"
            radius={0}
            busy={list.isFetchingNextPage}
            onClick={further.fetch}
          >
            {rows.length === 0 ? 'None among the newest. Look further' : 'Show more'}
          </BusyButton>
        )}
      </ScrollArea>
    </section>
  )
}

function Row({ row, open }: { row: ConversationSummary; open: boolean }) {
  const { last_message: last, receipt } = row
  const opener = useFocusOnceClosed(open)
  const author = last?.is_outbound ? 'You: ' : row.kind === 'group' && last ? `${shortName(last.contact)}: ` : ''
  return (
    <UnstyledButton
      component={Link}
      ref={opener}
      href={`/conversations/${row.conversation_id}`}
      className="row"
      data-unread={row.unread}
      aria-current={open ? 'true' : undefined}
    >
      <span className="dot" role="img" aria-label={row.unread ? 'Unread' : 'Read'} />
      <div className="row-text">
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" fw={row.unread ? 700 : 500} truncate dir="auto" title={row.number}>
            {row.number}
          </Text>
          <Text size="xs" c="dimmed" className="nowrap">
            <Time at={row.active_at} />
          </Text>
        </Group>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="xs" c="dimmed" truncate dir="auto">
            {last === null ? 'No message yet' : `${author}${last.content ?? 'Attachment'}`}
          </Text>
          <Group gap={4} wrap="nowrap">
            {row.service !== null && row.service !== 'iMessage' && <Badge>{row.service}</Badge>}
            {row.kind === 'group' && <Badge>group</Badge>}
            {receipt !== null && receipt.state !== 'sent' && <StateBadge receipt={receipt} />}
          </Group>
        </Group>
      </div>
    </UnstyledButton>
  )
}

/** The last digits of a number, or what an e-mail address begins with. */
function shortName(contact: string): string {
  return contact.includes('@') ? contact.slice(0, contact.indexOf('@')) : contact.slice(-4)
}
