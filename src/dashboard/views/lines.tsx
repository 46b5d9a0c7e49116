import { Group, Stack, Text, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { call, get, refresh } from '../api.ts'
import { hasInNumber, useLines } from '../lines.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Copy } from '../parts/copy.tsx'
import { FirstOf, Search } from '../parts/first-of.tsx'
import { OnlyNotOnline, useNotOnline } from '../parts/not-online.tsx'
import { EmptyList, Failure, HealthBadge, Loading, Time } from '../parts/states.tsx'
import { Why } from '../parts/why.tsx'
import type { LineState } from '../types.ts'
import { timingInWords } from '../words.ts'

const PAGE = 50

/** The account's lines, and how each of them does. */
export function Lines() {
  const lines = useLines()
  const [search, setSearch] = useState('')
  const all = lines.data?.data ?? []
  const many = all.length > PAGE
  const { shown, only, setOnly } = useNotOnline(all)
  const found = many ? shown.filter((line) => hasInNumber(line, search)) : all
  return (
    <div className="page">
      <Title order={1} size="h3" mb="md">
        Lines
      </Title>
      {lines.isPending && <Loading />}
      {lines.isError && <Failure error={lines.error} again={lines.refetch} />}
      <EmptyList when={lines.data?.data.length === 0} title="No line yet">
        The operator of this server adds lines to your account.
      </EmptyList>
      {many && <Search label="Search by number" search={search} onSearch={setSearch} />}
      {many && <OnlyNotOnline only={only} setOnly={setOnly} />}
      <EmptyList when={many && found.length === 0} title="Nothing matches">
        {only ? 'All such lines are online.' : 'Another number may.'}
      </EmptyList>
      <Stack gap="md">
        <FirstOf key={String(only)} rows={found} step={PAGE}>
          {(line) => <Line key={line.number} line={line} />}
        </FirstOf>
      </Stack>
    </div>
  )
}

function Line({ line }: { line: LineState }) {
  const path = `/lines/${encodeURIComponent(line.number)}`
  const probe = useMutation({
    mutationFn: () => call('POST', `${path}/probe`),
    onSettled: refresh,
  })
  const url = useMutation({ mutationFn: () => get<{ inbound_url: string }>(`${path}/inbound-url`) })
  return (
    <section className="card" aria-label={line.number}>
      <Group justify="space-between" align="flex-start">
        <LineStanding line={line} />
        <Group gap="xs">
          <BusyButton size="xs" variant="default" busy={url.isPending} onClick={() => url.mutate()}>
            Inbound URL
          </BusyButton>
          <BusyButton size="xs" variant="default" busy={probe.isPending} onClick={() => probe.mutate()}>
            Probe now
          </BusyButton>
        </Group>
      </Group>
      {line.reason !== null && (
        <Text size="sm" mt="xs">
          <Why reason={line.reason} />
        </Text>
      )}
      {probe.isError && <Failure error={probe.error} />}
      {url.isError && <Failure error={url.error} />}
      {url.data && <InboundUrl url={url.data.inbound_url} />}
      <Group gap="10px 32px" mt="sm">
        <Fact name="Last inbound">
          <Lately at={line.last_inbound_at} />
        </Fact>
        <Fact name="Last receipt">
          <Lately at={line.last_receipt_at} />
        </Fact>
        <Fact name="Queued">{line.queued.toLocaleString()}</Fact>
      </Group>
    </section>
  )
}

/** What the line is, and how its carrier does. */
function LineStanding({ line }: { line: LineState }) {
  const { auto_mark_read_timing: timing } = line
  return (
    <div>
      <Group gap="xs">
        <Text fw={650}>{line.number}</Text>
        <HealthBadge status={line.line_status} />
        {line.paused && (
          <Text size="xs" c="dimmed">
            paused by the operator
          </Text>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        {line.connector}
        {line.status_since !== null && (
          <>
            {' '}
            · {line.line_status.toLowerCase()} since <Time at={line.status_since} />
          </>
        )}
        {timing !== null && ` · automatic receipts go ${timingInWords(timing)}`}
      </Text>
    </div>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text size="sm">{children}</Text>
    </div>
  )
}

function Lately({ at }: { at: string | null }) {
  return at === null ? 'none lately' : <Time at={at} />
}

/** What the carrier has to call. Whoever knows it can write to the line. */
export function InboundUrl({ url }: { url: string }) {
  return (
    <Group gap="xs" mt="sm" wrap="nowrap">
      <Text size="xs" ff="monospace" className="truncate" title={url}>
        {url}
      </Text>
      <Copy size="compact-xs" className="no-shrink" value={url} />
    </Group>
  )
}
