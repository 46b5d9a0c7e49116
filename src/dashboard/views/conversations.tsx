import { Group, NativeSelect, ScrollArea, Select, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useSearch } from 'wouter'
import { get, query } from '../api.ts'
import { focusBefore, useFocusOnceClosed } from '../focus.ts'
import { useFurther } from '../further.ts'
import { useLineChoice } from '../lines.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Icon } from '../parts/icons.tsx'
import { Badge, Empty, Failure, Loading, StateBadge, Time } from '../parts/states.tsx'
import type { ConversationSummary, LineState, Page } from '../types.ts'
import { Conversation } from './conversation.tsx'
import { NewContact, useNewContact } from './new-contact.tsx'

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

interface Looking {
  search: string
  from_number: string
  service: string
  state: string
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
  return (
    <section className="list" aria-label="Conversations">
      {openId === undefined && <h1 className="visually-hidden">Conversations</h1>}
      <Search looking={looking} onChange={setLooking} lines={lines.data?.data ?? []} />
      {failure && <Failure {...failure} />}
      <ScrollArea
        className="list-body"
        type="auto"
        viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'List of conversations', 'aria-busy': former }}
      >
        {unknown && <Loading rows={6} />}
        {list.isSuccess && rows.length === 0 && !unknown && !list.hasNextPage && (
          <NoRows filtered={Object.values(settled).some((word) => word !== '')} />
        )}
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

function NoRows({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="Nothing matches">Another number, line, service or state may.</Empty>
  return <Empty title="Nobody has written yet">A conversation begins when a contact writes to one of your lines.</Empty>
}

interface SearchProps {
  looking: Looking
  onChange: (looking: Looking) => void
  lines: LineState[]
}

function Search({ looking, onChange, lines }: SearchProps) {
  const simulated = lines.find(
    ({ connector, number }) => connector === 'simulator' && (looking.from_number || number) === number,
  )
  const start = useNewContact(simulated?.number)
  return (
    <Stack gap={8} p="sm" className="list-head">
      <Group gap={8} wrap="nowrap">
        <TextInput
          flex={1}
          size="sm"
          aria-label="Search by number"
          placeholder="Search by number"
          leftSection={<Icon name="search" size={15} />}
          value={looking.search}
          onChange={(event) => onChange({ ...looking, search: event.currentTarget.value })}
        />
        {simulated && <NewContact start={start} />}
      </Group>
      {start.isError && <Failure error={start.error} onClose={start.reset} />}
      {/* Beside the others there is no room for a number. One that was removed is looked for still. */}
      <LineFilter
        value={looking.from_number}
        lines={[...new Set([...lines.map(({ number }) => number), looking.from_number])].filter(Boolean)}
        onChange={(from_number) => onChange({ ...looking, from_number })}
      />
      <Group gap={6} wrap="nowrap" grow>
        <Filter
          label="Service"
          value={looking.service}
          options={['iMessage', 'RCS', 'SMS'].map((service) => [service, service])}
          onChange={(service) => onChange({ ...looking, service })}
        />
        <Filter
          label="State"
          value={looking.state}
          options={STATE_FILTERS}
          onChange={(state) => onChange({ ...looking, state })}
        />
      </Group>
    </Stack>
  )
}

const STATE_FILTERS = [
  ['unread', 'Unread'],
  ['read', 'Read'],
  ['waiting', 'Receipt waits'],
  ['failed', 'Receipt did not go'],
]

interface FilterProps {
  label: string
  value: string
  options: (readonly [string, string] | string[])[]
  onChange: (value: string) => void
}

function Filter({ label, value, options, onChange }: FilterProps) {
  return (
    <NativeSelect
      size="xs"
      aria-label={label}
      value={value}
      data={[{ value: '', label }, ...options.map(([word = '', name = '']) => ({ value: word, label: name }))]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

/** Among more lines than that one is found by its digits. */
const MOST_LISTED = 50

interface LineFilterProps {
  value: string
  lines: string[]
  onChange: (value: string) => void
}

function LineFilter({ value, lines, onChange }: LineFilterProps) {
  if (lines.length <= MOST_LISTED)
    return <Filter label="Line" value={value} options={lines.map((line) => [line, line])} onChange={onChange} />
  return (
    <Select
      size="xs"
      aria-label="Line"
      placeholder="Line"
      searchable
      selectFirstOptionOnChange
      // As many as need no scrolling.
      limit={8}
      maxDropdownHeight={300}
      nothingFoundMessage="Nothing matches"
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
      data={lines}
      value={value === '' ? null : value}
      onChange={(line) => onChange(line ?? '')}
      // Emptied it means any line, as where nothing was chosen.
      onSearchChange={(typed) => typed === '' && value !== '' && onChange('')}
    />
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
