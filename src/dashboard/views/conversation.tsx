import { ActionIcon, Group, Text, Title } from '@mantine/core'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { Link } from 'wouter'
import { call, fetchAnew, get, query, refresh } from '../api.ts'
import { useDraft } from '../drafts.ts'
import { useFocusWherePressedIsHidden } from '../focus.ts'
import { useFurther } from '../further.ts'
import { Boundary } from '../parts/boundary.tsx'
import { BusyButton } from '../parts/busy-button.tsx'
import { Icon } from '../parts/icons.tsx'
import { Keyboard } from '../parts/keyboard.tsx'
import { Badge, Failure, Loading } from '../parts/states.tsx'
import type { ConversationSummary, ConversationView } from '../types.ts'
import { joinTexts } from '../words.ts'
import { Handset } from './handset.tsx'
import { MessagePanel } from './message-panel.tsx'
import { Timeline } from './timeline.tsx'

/** One conversation as the account has it, and beside it the contact's phone where that is simulated. */
export function Conversation({ id, autoMarkRead }: { id: string; autoMarkRead: boolean }) {
  const [side, setSide] = useState('conversation')
  const message = useOpenMessage()
  // Pages are fetched anew from the newest on, each from where the one before it ends: no message falls between two.
  const view = useInfiniteQuery({
    queryKey: ['conversation', id],
    queryFn: ({ pageParam }) => get<ConversationView>(`/conversations/${id}${query({ before: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ more, messages }) => (more ? messages[0]?.message_handle : undefined),
  })
  const older = useFurther(view, id)
  if (view.isPending) return <Loading />
  // What is here stays, with all that was typed in it, where it cannot be fetched anew.
  if (view.data === undefined) return <NotThere error={view.error} again={view.refetch} />
  const { pages } = view.data
  const { conversation, receipts, troubles } = pages[0] as ConversationView
  const simulated = conversation.connector === 'simulator'
  return (
    <>
      <section
        className="pane conversation"
        aria-label="Conversation"
        data-shown={!simulated || side === 'conversation'}
      >
        <Head conversation={conversation} autoMarkRead={autoMarkRead} />
        {older.failure && <Failure {...older.failure} />}
        {simulated && <Sides side={side} onChange={setSide} />}
        <Timeline conversation={conversation} pages={pages} view={view} onOlder={older.fetch} onOpen={message.open} />
        {conversation.kind === 'direct' && <Reply conversation={conversation} />}
      </section>
      {simulated && (
        <section className="pane phone-pane" aria-label="The contact’s phone" data-shown={side === 'phone'}>
          <div className="phone-head">
            <Back />
            <Sides side={side} onChange={setSide} />
          </div>
          <Handset id={id} conversation={conversation} receipts={receipts} troubles={troubles} onOpen={message.open} />
        </section>
      )}
      <OpenMessage message={message} simulated={simulated} />
    </>
  )
}

/** Which message all is shown of. Once that is closed, the focus is where it was. */
function useOpenMessage() {
  const [handle, setHandle] = useState<string>()
  const opener = useRef<Element>(null)
  return {
    handle,
    open(chosen: string) {
      opener.current = document.activeElement
      setHandle(chosen)
    },
    close() {
      setHandle(undefined)
      if (opener.current instanceof HTMLElement) opener.current.focus()
    },
  }
}

function OpenMessage({ message, simulated }: { message: ReturnType<typeof useOpenMessage>; simulated: boolean }) {
  if (message.handle === undefined) return null
  return (
    <div className="notice">
      <Boundary>
        <MessagePanel handle={message.handle} simulated={simulated} onClose={message.close} />
      </Boundary>
    </div>
  )
}

function NotThere({ error, again }: { error: Error; again: () => unknown }) {
  return (
    <div className="pane">
      <Group p="sm">
        <Back />
        <Title order={1} className="visually-hidden">
          Conversation
        </Title>
      </Group>
      <Failure error={error} again={again} />
    </div>
  )
}

const SIDES = [
  ['conversation', 'Conversation'],
  ['phone', 'Their phone'],
] as const

/** Where there is room for one of the two alone. */
function Sides({ side, onChange }: { side: string; onChange: (side: string) => void }) {
  const chosen = useFocusWherePressedIsHidden(side)
  return (
    <fieldset className="sides" aria-label="Show">
      {SIDES.map(([name, words]) => (
        <button
          key={name}
          ref={side === name ? chosen : undefined}
          type="button"
          aria-pressed={side === name}
          onClick={() => onChange(name)}
        >
          {words}
        </button>
      ))}
    </fieldset>
  )
}

function Head({ conversation, autoMarkRead }: { conversation: ConversationSummary; autoMarkRead: boolean }) {
  const { number, from_number, kind, service } = conversation
  const title = useFocusWhereTheListIsHidden()
  const mark = useMutation({
    mutationFn: () => call('POST', '/api/mark-read', { number, from_number }),
    onSettled: refresh,
  })
  return (
    <header className="pane-head">
      <Group gap="sm" wrap="nowrap" justify="space-between">
        <Group gap="xs" wrap="nowrap" miw={0}>
          <Back />
          <div className="min0">
            <Group gap={6} wrap="nowrap">
              <Title order={1} size="h5" className="truncate" title={number} dir="auto" ref={title} tabIndex={-1}>
                {number}
              </Title>
              <span className="wide-only">
                <Badge>{kind === 'group' ? 'group' : (service ?? 'no service yet')}</Badge>
              </span>
            </Group>
            <Text size="xs" c="dimmed" truncate>
              <span className="wide-only">to {from_number} · </span>
              <Link href="/settings">auto mark-read is {autoMarkRead ? 'on' : 'off'}</Link>
            </Text>
          </div>
        </Group>
        {kind === 'direct' && (
          <BusyButton
            size="xs"
            leftSection={<Icon name="checks" size={15} />}
            busy={mark.isPending}
            onClick={() => mark.mutate()}
            className="no-shrink"
          >
            Mark read
          </BusyButton>
        )}
      </Group>
      {mark.isError && <Failure error={mark.error} onClose={mark.reset} />}
    </header>
  )
}

/** Where there is no room for the list beside, the row that was chosen is gone, and the focus with it. */
function useFocusWhereTheListIsHidden() {
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (document.activeElement?.checkVisibility() === false) title.current?.focus()
  }, [])
  return title
}

/** The line writes. */
function Reply({ conversation }: { conversation: ConversationSummary }) {
  const { conversation_id, number, from_number } = conversation
  const [text, setText] = useDraft(`reply ${conversation_id}`)
  const send = useMutation({
    mutationFn: (content: string) => call('POST', '/api/send-message', { number, from_number, content }),
    onMutate: () => setText(''),
    onError: (_error, content) => setText((typed) => joinTexts(content, typed)),
    // What is written next waits for no view.
    onSettled: () => void fetchAnew(),
  })
  return (
    <div className="composer">
      {send.isError && <Failure error={send.error} onClose={send.reset} />}
      <Group gap={6} wrap="nowrap" align="flex-end">
        <Keyboard
          label="Reply as the line"
          placeholder="Reply"
          text={text}
          onChange={setText}
          empty={text.trim() === ''}
          sending={send.isPending}
          onSend={() => send.mutate(text)}
        />
      </Group>
    </div>
  )
}

function Back() {
  return (
    <ActionIcon
      component={Link}
      href="/conversations"
      variant="subtle"
      color="gray"
      aria-label="Back to the list"
      className="back"
    >
      <Icon name="back" />
    </ActionIcon>
  )
}
