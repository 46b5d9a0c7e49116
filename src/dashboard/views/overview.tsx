import { Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { get } from '../api.ts'
import { EmptyList, Failure, HealthBadge, Loading, StateBadge, Time } from '../parts/states.tsx'
import { Why } from '../parts/why.tsx'
import type { Overview as OverviewData, Receipt } from '../types.ts'
import { duration, localTime, STATES } from '../words.ts'

const MINUTES = 60
const MINUTE_MS = 60_000
const OUTCOMES = ['sent', 'skipped', 'failed', 'expired'] as const

/** The last hour at one glance. */
export function Overview() {
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: () => get<OverviewData>('/overview'),
    // Its hour goes on where nothing happens, too.
    refetchInterval: MINUTE_MS,
  })
  return (
    <div className="page">
      <Title order={1} size="h3" mb="md">
        Overview
      </Title>
      {overview.isPending && <Loading />}
      {overview.isError && <Failure error={overview.error} again={overview.refetch} />}
      {overview.data && (
        <Stack gap="md">
          <Figures data={overview.data} />
          <Chart data={overview.data} />
          <Failures failures={overview.data.failures} />
        </Stack>
      )}
    </div>
  )
}

function Figures({ data }: { data: OverviewData }) {
  const { lines } = data
  const { p50, p99 } = data.request_to_carrier_ms
  const sent = sumOf(data.receipts.filter(({ state }) => state === 'sent').map(({ receipts }) => receipts))
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
      <Figure name="Sent in the last hour">{sent.toLocaleString()}</Figure>
      <Figure
        name="Request to carrier"
        below={p99 === null ? 'nothing sent in the last hour' : `99 of 100 within ${duration(p99)}`}
      >
        {p50 === null ? '–' : duration(p50)}
      </Figure>
      <Figure name="Queued now">
        {data.queued.toLocaleString()}
        {data.queued_and_more && '+'}
      </Figure>
      <Figure name="Lines" below={lines?.length === 0 ? 'the operator adds them' : undefined}>
        <Group gap={6} component="span">
          {/* As a text: of numbers Mantine's Group leaves out a 0. */}
          {lines?.length === 0 && '0'}
          {lines === undefined && '–'}
          {lines?.map(({ line_status, lines: those }) => (
            <Group key={line_status} gap={4} component="span">
              {those.toLocaleString()} <HealthBadge status={line_status} />
            </Group>
          ))}
        </Group>
      </Figure>
    </SimpleGrid>
  )
}

function Figure({ name, below, children }: { name: string; below?: string | undefined; children: ReactNode }) {
  return (
    <div className="card">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <div className="figure">{children}</div>
      {below !== undefined && (
        <Text size="xs" c="dimmed" mt={2}>
          {below}
        </Text>
      )}
    </div>
  )
}

function Chart({ data }: { data: OverviewData }) {
  const minutes = minutesOf(data)
  const most = Math.max(1, ...minutes.map(({ total }) => total))
  const all = sumOf(minutes.map(({ total }) => total))
  const busiest = all === 0 ? '' : `, ${most.toLocaleString()} in the busiest minute`
  return (
    <section className="card" aria-label="Receipts per minute">
      <Group justify="space-between" mb="sm">
        <Text fw={600}>Receipts per minute</Text>
        <Legend />
      </Group>
      <div
        className="chart"
        role="img"
        aria-label={`${all.toLocaleString()} ${all === 1 ? 'receipt' : 'receipts'} in the last hour${busiest}`}
      >
        {minutes.map((minute) => (
          <Bar key={minute.at} minute={minute} most={most} />
        ))}
      </div>
      <Group justify="space-between" gap="xs" wrap="nowrap" mt={4}>
        <Text size="xs" c="dimmed">
          an hour ago
        </Text>
        <Text size="xs" c="dimmed">
          {all === 0 ? 'none in the last hour' : `at most ${most.toLocaleString()} a minute`}
        </Text>
        <Text size="xs" c="dimmed">
          now
        </Text>
      </Group>
      {/* What a bar says to whoever points at it, for those who cannot. */}
      {all > 0 && (
        <details>
          <summary>Minute by minute</summary>
          <ul className="minutes" aria-label="Minutes with receipts">
            {minutes
              .filter(({ total }) => total > 0)
              .map((minute) => (
                <li key={minute.at}>{inWords(minute)}</li>
              ))}
          </ul>
        </details>
      )}
    </section>
  )
}

interface Minute {
  at: string
  counts: { state: (typeof OUTCOMES)[number]; receipts: number }[]
  total: number
}

function minutesOf({ now, receipts }: OverviewData): Minute[] {
  const last = Math.floor(Date.parse(now) / MINUTE_MS)
  const byMinute = Map.groupBy(receipts, ({ at }) => Math.floor(Date.parse(at) / MINUTE_MS))
  return Array.from({ length: MINUTES }, (_, index) => {
    const minute = last - MINUTES + 1 + index
    const those = byMinute.get(minute) ?? []
    const counts = OUTCOMES.map((state) => ({
      state,
      receipts: sumOf(those.filter((each) => each.state === state).map((each) => each.receipts)),
    })).filter((each) => each.receipts > 0)
    return {
      at: new Date(minute * MINUTE_MS).toISOString(),
      counts,
      total: sumOf(counts.map((each) => each.receipts)),
    }
  })
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

function Legend() {
  return (
    <Group gap="sm">
      {OUTCOMES.map((state) => (
        <Group key={state} gap={5}>
          <span className={`legend part-${state}`} />
          <Text size="xs">{STATES[state]}</Text>
        </Group>
      ))}
    </Group>
  )
}

function inWords({ at, counts }: Minute): string {
  const each = counts.map(({ state, receipts }) => `${receipts.toLocaleString()} ${STATES[state]}`)
  return `${localTime(at)}: ${each.join(', ') || 'none'}`
}

function Bar({ minute, most }: { minute: Minute; most: number }) {
  return (
    <div className="chart-minute" title={inWords(minute)}>
      {minute.counts.map(({ state, receipts }) => (
        <div key={state} className={`chart-part part-${state}`} style={{ height: `${(receipts / most) * 100}%` }} />
      ))}
    </div>
  )
}

function Failures({ failures }: { failures: Receipt[] }) {
  return (
    <section className="card" aria-labelledby="failures-title">
      <Title order={2} size="h5" id="failures-title" mb="xs">
        What did not go out
      </Title>
      <EmptyList when={failures.length === 0} title="None was skipped, failed or expired">
        One that is stands here, with the reason and what to do.
      </EmptyList>
      <Stack gap="sm">
        {failures.map((receipt) => (
          <div key={receipt.receipt_id} className="receipt" data-state={receipt.state}>
            <div className="receipt-line">
              <StateBadge receipt={receipt} />
              <Link href={`/conversations?search=${encodeURIComponent(receipt.number)}`}>{receipt.number}</Link>
              <Text span size="xs" c="dimmed">
                on {receipt.from_number}
              </Text>
              <Text span size="xs" c="dimmed">
                <Time at={receipt.settled_at ?? receipt.requested_at} />
              </Text>
            </div>
            {receipt.reason !== null && (
              <div className="receipt-why">
                <Why reason={receipt.reason} />
              </div>
            )}
          </div>
        ))}
      </Stack>
    </section>
  )
}
