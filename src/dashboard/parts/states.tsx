import { Alert, Button, Skeleton, Stack, Text } from '@mantine/core'
import { type ReactNode, useSyncExternalStore } from 'react'
import { focusBefore } from '../focus.ts'
import type { LineStatus, Receipt } from '../types.ts'
import { exactTime, localTime, STATE_TONES, STATES, utcTime } from '../words.ts'

export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <Stack gap="sm" p="md" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={44} radius="md" />
      ))}
    </Stack>
  )
}

interface EmptyProps {
  title: string
  /** Where it is all of the page: its title is the page's. */
  whole?: boolean
  children?: ReactNode
}

export function Empty({ title, whole = false, children }: EmptyProps) {
  return (
    <Stack gap={4} align="center" ta="center" p="xl" className="empty">
      <Text fw={600} component={whole ? 'h1' : 'p'}>
        {title}
      </Text>
      <Text size="sm" c="dimmed" maw={420} component="div">
        {children}
      </Text>
    </Stack>
  )
}

/**
 * Of a list. Whoever types into a search hears that nothing is found: by a region that is there before its words, since many screen
 * readers pass over one that comes with them.
 */
export function EmptyList({ when, ...empty }: EmptyProps & { when: boolean }) {
  return <div role="status">{when && <Empty {...empty} />}</div>
}

interface FailureProps {
  error: Error
  again?: () => unknown
  /** Where it takes room from what else is to be seen. */
  onClose?: () => void
}

export function Failure({ error, again, onClose }: FailureProps) {
  return (
    <Alert
      ref={focusBefore}
      className="failure"
      color="red"
      title="That did not work"
      role="alert"
      {...(onClose && { withCloseButton: true, closeButtonLabel: 'Close', onClose })}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{error.message}</Text>
        {again && (
          <Button size="xs" variant="default" onClick={() => again()}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** Of what has no place of its own on the page. */
export function Notice(failure: Required<Pick<FailureProps, 'error' | 'onClose'>>) {
  return (
    <div className="notice">
      <Failure {...failure} />
    </div>
  )
}

const LOOK_MS = 30_000
const looks = new Set<() => void>()
/** One for all times of a page, of which a conversation has hundreds. */
setInterval(() => {
  for (const look of looks) look()
}, LOOK_MS)

function nowAndThen(look: () => void): () => void {
  looks.add(look)
  return () => {
    looks.delete(look)
  }
}

const today = () => new Date().toDateString()

/** Local, with UTC on hover. What was today's names its day once that is over. */
export function Time({ at, exact = false }: { at: string; exact?: boolean }) {
  useSyncExternalStore(nowAndThen, today)
  return (
    <time dateTime={at} title={utcTime(at)}>
      {exact ? exactTime(at) : localTime(at)}
    </time>
  )
}

/** How something stands, by its colour too. */
export type Tone = 'good' | 'waits' | 'bad' | 'quiet'

export function Badge({ tone = 'quiet', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  )
}

/** One that is between two tries is queued again, for whoever waits for it. */
export function StateBadge({
  receipt: { state, next_attempt_at },
}: {
  receipt: Pick<Receipt, 'state' | 'next_attempt_at'>
}) {
  const shown = state === 'sending' && next_attempt_at !== null ? 'queued' : state
  return <Badge tone={STATE_TONES[shown]}>{STATES[shown]}</Badge>
}

const HEALTH = { ONLINE: 'good', DEGRADED: 'waits', OFFLINE: 'bad', UNKNOWN: 'quiet' } as const

export function HealthBadge({ status }: { status: LineStatus }) {
  return <Badge tone={HEALTH[status]}>{status.toLowerCase()}</Badge>
}
