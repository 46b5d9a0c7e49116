import { ActionIcon, Button, Group, Text, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'wouter'
import { call, get, queries } from '../api.ts'
import { Icon } from '../parts/icons.tsx'
import { Keyboard } from '../parts/keyboard.tsx'
import { Badge, Failure, Loading } from '../parts/states.tsx'
import type { ConversationSummary, ConversationView } from '../types.ts'
import { Handset } from './handset.tsx'
import { Timeline } from './timeline.tsx'

const MessagePanel = lazy(() => import('./message-panel.tsx'))

/** One conversation as the account has it, and beside it the contact's phone where that is simulated. */
export function Conversation({ id, autoMarkRead }: { id: string; autoMarkRead: boolean }) {
  const [side, setSide] = useState('conversation')
  const [openMessage, setOpenMessage] = useState<string>()
  const view = useQuery({
    queryKey: ['conversation', id],
    queryFn: () => get<ConversationView>(`/conversations/${id}`),
  })
  if (view.isPending) return <Loading />
  if (view.isError) {
    return (
      <div className="pane">
        <Group p="sm">
          <Back />
        </Group>
        <Failure error={view.error} again={view.refetch} />
      </div>
    )
  }
  const { conversation } = view.data
  const simulated = conversation.connector === 'simulator'
  return (
    <>
      <section
        className="pane conversation"
        aria-label="Conversation"
        data-shown={!simulated || side === 'conversation'}
      >
        <Head view={view.data} autoMarkRead={autoMarkRead} />
        {simulated && <Sides side={side} onChange={setSide} />}
        <Timeline view={view.data} onOpen={setOpenMessage} />
        {conversation.kind === 'direct' && <Reply conversation={conversation} />}
      </section>
      {simulated && (
        <section className="pane phone-pane" aria-label="The contact’s phone" data-shown={side === 'phone'}>
          <div className="phone-head">
            <Back />
            <Sides side={side} onChange={setSide} />
          </div>
          <Handset
            id={id}
            conversation={conversation}
            receipts={view.data.receipts}
            troubles={view.data.troubles}
            onOpen={setOpenMessage}
          />
        </section>
      )}
      {openMessage !== undefined && (
        <Suspense>
          <MessagePanel handle={openMessage} simulated={simulated} onClose={() => setOpenMessage(undefined)} />
        </Suspense>
      )}
    </>
  )
}

const SIDES = [
  ['conversation', 'Conversation'],
  ['phone', 'Their phone'],
] as const

/** Where there is room for one of the two alone. */
function Sides({ side, onChange }: { side: string; onChange: (side: string) => void }) {
  return (
    <fieldset className="sides" aria-label="Show">
      {SIDES.map(([name, words]) => (
        <button key={name} type="button" aria-pressed={side === name} onClick={() => onChange(name)}>
          {words}
        </button>
      ))}
    </fieldset>
  )
}

function Head({ view: { conversation }, autoMarkRead }: { view: ConversationView; autoMarkRead: boolean }) {
  const { number, from_number, kind, service } = conversation
  const mark = useMutation({
    mutationFn: () => call('POST', '/api/mark-read', { number, from_number }),
    onSettled: () => queries.invalidateQueries(),
  })
  return (
    <header className="pane-head">
      <Group gap="sm" wrap="nowrap" justify="space-between">
        <Group gap="xs" wrap="nowrap" miw={0}>
          <Back />
          <div className="min0">
            <Group gap={6} wrap="nowrap">
              <Title order={1} size="h5" className="truncate" dir="auto">
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
          <Button
            size="xs"
            leftSection={<Icon name="checks" size={15} />}
            loading={mark.isPending}
            onClick={() => mark.mutate()}
            className="no-shrink"
          >
            Mark read
          </Button>
        )}
      </Group>
      {mark.isError && <Failure error={mark.error} />}
    </header>
  )
}

/** The line writes. */
function Reply({ conversation: { number, from_number } }: { conversation: ConversationSummary }) {
  const [text, setText] = useState('')
  const send = useMutation({
    mutationFn: () => call('POST', '/api/send-message', { number, from_number, content: text }),
    onSuccess: () => setText(''),
    onSettled: () => queries.invalidateQueries(),
  })
  return (
    <div className="composer">
      {send.isError && <Failure error={send.error} />}
      <Group gap={6} wrap="nowrap" align="flex-end">
        <Keyboard
          label="Reply as the line"
          placeholder="Reply"
          text={text}
          onChange={setText}
          empty={text.trim() === ''}
          sending={send.isPending}
          onSend={send.mutate}
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
