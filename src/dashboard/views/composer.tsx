import { ActionIcon, Button, Group, NativeSelect, Popover, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call, fetchAnew } from '../api.ts'
import { useDraft } from '../drafts.ts'
import { focusBefore } from '../focus.ts'
import { Icon } from '../parts/icons.tsx'
import { Keyboard } from '../parts/keyboard.tsx'
import { Failure } from '../parts/states.tsx'
import { write } from '../phone.ts'
import type { ConversationSummary, Service } from '../types.ts'
import { joinTexts } from '../words.ts'

/** Whose phone it is; of a group it may be anybody's, and somebody's who has not written yet. */
export interface Owner {
  number: string
  others: string[]
  choose: (number: string) => void
}

interface ComposerProps {
  conversation: ConversationSummary
  owner: Owner
  /** The line wrote something that the contact has not read. */
  unread: boolean
}

/** Where the contact writes, with what is attached and by which service. */
export function Composer(props: ComposerProps) {
  const { conversation, owner } = props
  const [text, setText] = useDraft(`phone ${conversation.conversation_id}`)
  const [service, setService] = useState<Service>(conversation.service ?? 'iMessage')
  const [mediaUrl, setMediaUrl] = useDraft(`attached ${conversation.conversation_id}`)
  const group = conversation.kind === 'group'
  const send = useMutation({
    async mutationFn(typed: Typed) {
      // The line may have written since.
      await open(props)
      return write(written(typed, service, owner.number, conversation))
    },
    onMutate() {
      setText('')
      setMediaUrl('')
    },
    onError(_error, typed) {
      setText((since) => joinTexts(typed.text, since))
      setMediaUrl((since) => since || typed.mediaUrl)
    },
    // What is written next waits for no view.
    onSettled: () => void fetchAnew(),
  })
  return (
    <div className="composer">
      {send.isError && <Failure error={send.error} onClose={send.reset} />}
      <Group gap={6} mb={6}>
        <Choice label="Service" value={service} data={SERVICES} onChange={(given) => setService(given as Service)} />
        {group && <Choice label="Whose phone" value={owner.number} data={owner.others} onChange={owner.choose} />}
        {mediaUrl !== '' && <Attached url={mediaUrl} onRemove={() => setMediaUrl('')} />}
      </Group>
      <Group gap={6} wrap="nowrap" align="flex-end">
        <Attach onAttach={setMediaUrl} />
        <Keyboard
          label="Write as the contact"
          // What goes wrong here goes wrong with what is written too, and is told there.
          onFocus={() => void open(props).catch(() => undefined)}
          placeholder={service === 'SMS' ? 'Text message' : service}
          text={text}
          onChange={setText}
          empty={text.trim() === '' && mediaUrl === ''}
          sending={send.isPending}
          onSend={() => send.mutate({ text, mediaUrl })}
        />
      </Group>
    </div>
  )
}

/** Who writes has opened the conversation: what the line wrote is read. */
async function open({ conversation, owner, unread }: ComposerProps): Promise<void> {
  if (conversation.kind === 'group' || !unread) return
  await call('POST', '/simulator/handset/open', { number: owner.number, from_number: conversation.from_number })
}

interface Typed {
  text: string
  mediaUrl: string
}

function written({ text, mediaUrl }: Typed, service: Service, number: string, conversation: ConversationSummary) {
  return {
    number,
    to_number: conversation.from_number,
    service,
    ...(text === '' ? {} : { content: text }),
    ...(conversation.kind === 'group' ? { group_id: conversation.number } : {}),
    ...(mediaUrl === '' ? {} : { media_urls: [mediaUrl] }),
  }
}

const SERVICES = ['iMessage', 'RCS', 'SMS']

function Choice({
  label,
  value,
  data,
  onChange,
}: {
  label: string
  value: string
  data: string[]
  onChange: (value: string) => void
}) {
  return (
    <NativeSelect
      size="xs"
      className="no-shrink"
      aria-label={label}
      value={value}
      data={data}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

function Attached({ url, onRemove }: { url: string; onRemove: () => void }) {
  return (
    <Group gap={6} wrap="nowrap" flex="1 1 120px" miw={0}>
      <Text size="xs" truncate miw={0} title={url}>
        <Icon name="clip" size={12} /> {url}
      </Text>
      <ActionIcon
        ref={focusBefore}
        size={24}
        variant="subtle"
        color="gray"
        aria-label="Remove the attachment"
        onClick={onRemove}
      >
        <Icon name="close" size={12} />
      </ActionIcon>
    </Group>
  )
}

function Attach({ onAttach }: { onAttach: (url: string) => void }) {
  const [open, setOpen] = useState(false)
  const [url, setUrl] = useState('https://example.com/picture.jpg')
  const attach = (event: FormEvent) => {
    event.preventDefault()
    onAttach(url)
    setOpen(false)
  }
  return (
    <Popover opened={open} onChange={setOpen} position="top-start" withArrow trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          size={34}
          radius="xl"
          variant="subtle"
          color="gray"
          aria-label="Attach"
          onClick={() => setOpen(!open)}
        >
          <Icon name="clip" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Group component="form" gap="xs" align="flex-end" onSubmit={attach}>
          <TextInput
            size="xs"
            label="Where the attachment is"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          <Button size="xs" type="submit">
            Attach
          </Button>
        </Group>
      </Popover.Dropdown>
    </Popover>
  )
}
