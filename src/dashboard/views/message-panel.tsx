import { Drawer, Group, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { call, get, refresh } from '../api.ts'
import { type ApiCall, callThatAsked, callThatMade } from '../calls.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Json } from '../parts/json.tsx'
import { Badge, Failure, Loading, StateBadge, Time } from '../parts/states.tsx'
import type { Delivery, MessageStory, Receipt } from '../types.ts'
import { duration, plain, TRIGGERS } from '../words.ts'

interface MessagePanelProps {
  readonly handle: string
  /** Whether the contact's phone is a simulated one, which is written on by calls too. */
  readonly simulated: boolean
  readonly onClose: () => void
}

/** All that one message set off, as it went over the wire. */
export function MessagePanel({ handle, simulated, onClose }: MessagePanelProps) {
  const story = useQuery({ queryKey: ['message', handle], queryFn: () => get<MessageStory>(`/messages/${handle}`) })
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={`Message ${handle}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {story.isPending && <Loading />}
      {story.isError && <Failure error={story.error} again={story.refetch} />}
      {story.data && (
        <Stack gap="lg">
          <CallStory title="The call that made it" call={callThatMade(story.data.message, simulated)} />
          <Part title="As it is stored">
            <Json value={story.data.message} label="The message" />
          </Part>
          {!story.data.message.is_outbound && (
            <Part title={`Read receipts (${story.data.receipts.length}${story.data.more_receipts ? ' and more' : ''})`}>
              {story.data.receipts.length === 0 && <None>Nobody has asked for one since it came.</None>}
              {story.data.receipts.map((receipt) => (
                <ReceiptStory key={receipt.receipt_id} receipt={receipt} />
              ))}
            </Part>
          )}
          <Part title={`Webhooks (${story.data.webhooks.length})`}>
            {story.data.webhooks.length === 0 && <None>No endpoint wanted to hear of it.</None>}
            {story.data.webhooks.map((delivery) => (
              <DeliveryStory key={delivery.delivery_id} delivery={delivery} />
            ))}
          </Part>
        </Stack>
      )}
    </Drawer>
  )
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section>
      <Title order={2} size="h6" mb={6}>
        {title}
      </Title>
      <Stack gap="sm">{children}</Stack>
    </section>
  )
}

function None({ children }: { children: React.ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  )
}

function CallStory({ title, call }: { title: string; call: ApiCall | undefined }) {
  if (call === undefined) return null
  return (
    <Part title={title}>
      <Json value={call} label={title} />
    </Part>
  )
}

function ReceiptStory({ receipt }: { receipt: Receipt }) {
  const asked = callThatAsked(receipt)
  return (
    <div>
      <Group gap="xs" mb={4}>
        <StateBadge receipt={receipt} />
        <Text size="sm">
          asked for {TRIGGERS[receipt.trigger]} at <Time at={receipt.requested_at} exact />
        </Text>
      </Group>
      <Json value={receipt} label={`Receipt ${receipt.receipt_id}`} />
      {asked && (
        <details>
          <summary>The call that asked for it</summary>
          <Json value={asked} label={`Call for ${receipt.receipt_id}`} />
        </details>
      )}
    </div>
  )
}

const DELIVERY_TONES = { waiting: 'waits', sending: 'waits', delivered: 'good', failed: 'bad' } as const

/** One webhook: where to, what became of each try, what was sent. */
export function DeliveryStory({ delivery }: { delivery: Delivery }) {
  const again = useMutation({
    mutationFn: () => call('POST', `/readback/v1/webhook-deliveries/${delivery.delivery_id}/redeliver`),
    onSettled: refresh,
  })
  return (
    <div className="delivery">
      <Group gap="xs" wrap="nowrap" className="delivery-head">
        <Badge tone={DELIVERY_TONES[delivery.state]}>{delivery.state}</Badge>
        <Text size="sm" fw={600} className="nowrap">
          {delivery.type}
        </Text>
        <Text size="sm" c="dimmed" truncate title={delivery.url} className="delivery-url">
          {delivery.url}
        </Text>
        <BusyButton
          size="compact-xs"
          variant="default"
          className="no-shrink"
          aria-label={`Send again ${delivery.delivery_id}`}
          busy={again.isPending}
          onClick={() => again.mutate()}
        >
          Send again
        </BusyButton>
      </Group>
      {again.isError && <Failure error={again.error} />}
      <Attempts delivery={delivery} />
      {delivery.body !== undefined && (
        <details>
          <summary>What was sent</summary>
          <Json value={delivery.body} label={`Body of ${delivery.delivery_id}`} />
        </details>
      )}
    </div>
  )
}

function Attempts({ delivery: { attempts, next_attempt_at } }: { delivery: Delivery }) {
  return (
    <ol className="attempts">
      {attempts.map(({ at, status, reason, ms, answer }) => (
        <li key={at}>
          <Time at={at} exact /> · {status === null ? plain(reason ?? 'no answer') : `answered ${status}`} ·{' '}
          {duration(ms)}
          {answer !== '' && <span className="answer">{answer}</span>}
        </li>
      ))}
      {next_attempt_at !== null && (
        <li>
          next try at <Time at={next_attempt_at} exact />
        </li>
      )}
    </ol>
  )
}
