import { Group, NativeSelect, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { type ReactNode, type RefCallback, useState } from 'react'
import { useAct } from '../act.ts'
import { get, query } from '../api.ts'
import { focusBefore, useTitleForFocus } from '../focus.ts'
import { useFurther } from '../further.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Copy } from '../parts/copy.tsx'
import { FirstOf, Search } from '../parts/first-of.tsx'
import { RemoveButton } from '../parts/remove-button.tsx'
import { Badge, EmptyList, Failure, Loading, Time } from '../parts/states.tsx'
import type { Delivery, Page, WebhookState } from '../types.ts'
import { DeliveryStory } from './message-panel.tsx'
import { NewEndpoint } from './new-endpoint.tsx'

const PAGE = 10

/** Where the account is called, and every call that was made. */
export function Webhooks() {
  return (
    <div className="page">
      <Title order={1} size="h3" mb="md">
        Webhooks
      </Title>
      <Stack gap="lg">
        <Endpoints />
        <Deliveries />
      </Stack>
    </div>
  )
}

function Endpoints() {
  const { title, mayGo } = useTitleForFocus()
  const endpoints = useQuery({
    queryKey: ['webhooks'],
    queryFn: () => get<{ data: WebhookState[] }>('/readback/v1/webhooks'),
  })
  return (
    <section className="card" aria-labelledby="endpoints-title">
      <Title order={2} size="h5" id="endpoints-title" mb="xs" ref={title} tabIndex={-1}>
        Endpoints
      </Title>
      {endpoints.isPending && <Loading rows={2} />}
      {endpoints.isError && <Failure error={endpoints.error} again={endpoints.refetch} />}
      <EmptyList when={endpoints.data?.data.length === 0} title="No endpoint yet">
        Add one below, and it is called for what contacts write, or for what becomes of receipts.
      </EmptyList>
      <EndpointRows endpoints={endpoints.data?.data ?? []} mayGo={mayGo} />
      <NewEndpoint />
      <SharedSecret />
    </section>
  )
}

interface EndpointRowsProps {
  endpoints: WebhookState[]
  mayGo: RefCallback<HTMLElement>
}

function EndpointRows({ endpoints, mayGo }: EndpointRowsProps) {
  const [search, setSearch] = useState('')
  const many = endpoints.length > PAGE
  // Of many the newest come first, for what was just made to be seen.
  const found = many ? endpoints.toReversed().filter(({ url }) => url.includes(search)) : endpoints
  return (
    <>
      {many && <Search label="Search by URL" search={search} onSearch={setSearch} />}
      <EmptyList when={many && found.length === 0} title="Nothing matches">
        Another part of a URL may.
      </EmptyList>
      {found.length > 0 && (
        <FirstOf rows={found} step={PAGE} within={Rows}>
          {(endpoint) => <Endpoint key={endpoint.webhook_id} endpoint={endpoint} mayGo={mayGo} />}
        </FirstOf>
      )}
    </>
  )
}

function Rows({ children }: { children: ReactNode }) {
  return <ul className="rows">{children}</ul>
}

function SharedSecret() {
  const settings = useQuery({
    queryKey: ['webhook-settings'],
    queryFn: () => get<{ webhooks: { globalSecret: string } }>('/api/account/webhooks'),
  })
  if (settings.isError && settings.data === undefined)
    return <Failure error={settings.error} again={settings.refetch} />
  const secret = settings.data?.webhooks.globalSecret ?? ''
  if (secret === '') return null
  return (
    <Group align="flex-end" mt="md" gap="xs">
      <PasswordInput
        flex={1}
        maw={420}
        readOnly
        label="Signs for all that have no secret of their own"
        value={secret}
      />
      <Copy value={secret} />
    </Group>
  )
}

function Endpoint({ endpoint, mayGo }: { endpoint: WebhookState; mayGo: RefCallback<HTMLElement> }) {
  const { webhook_id, url, type, state } = endpoint
  const { act, busy, error } = useAct()
  const named = { webhooks: [url], type }
  return (
    <li ref={mayGo} className="endpoint">
      <div className="min0">
        <Text size="sm" className="break">
          {url}
        </Text>
        <EndpointStanding endpoint={endpoint} />
        {error && <Failure error={error} />}
      </div>
      <Group gap={4} wrap="nowrap">
        {state === 'disabled' ? (
          <Act
            name="Enable"
            url={url}
            busy={busy('POST')}
            onClick={() => act('POST', '/api/account/webhooks', named)}
          />
        ) : (
          <Act name="Test" url={url} busy={busy('POST')} onClick={() => act('POST', `/webhooks/${webhook_id}/test`)} />
        )}
        <RemoveButton what={url} busy={busy('DELETE')} onRemove={() => act('DELETE', '/api/account/webhooks', named)} />
      </Group>
    </li>
  )
}

function EndpointStanding({ endpoint: { type, state, reason, failing_since } }: { endpoint: WebhookState }) {
  return (
    <Group gap={6}>
      <Badge tone={state === 'disabled' ? 'bad' : failing_since === null ? 'good' : 'waits'}>
        {state === 'disabled' ? `disabled: ${reason}` : failing_since === null ? 'enabled' : 'failing'}
      </Badge>
      <Text size="xs" c="dimmed">
        {type}
        {failing_since !== null && (
          <>
            {' '}
            · failing since <Time at={failing_since} />
          </>
        )}
      </Text>
    </Group>
  )
}

function Act({ name, url, busy, onClick }: { name: string; url: string; busy: boolean; onClick: () => void }) {
  return (
    <BusyButton size="compact-xs" variant="default" aria-label={`${name} ${url}`} busy={busy} onClick={onClick}>
      {name}
    </BusyButton>
  )
}

function useDeliveries(state: string) {
  return useInfiniteQuery({
    queryKey: ['deliveries', state],
    queryFn: ({ pageParam }) =>
      get<Page<Delivery>>(`/readback/v1/webhook-deliveries${query({ state, limit: '20', cursor: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  })
}

function Deliveries() {
  const [state, setState] = useState('')
  const list = useDeliveries(state)
  const further = useFurther(list, state)
  // It is told where one looks: of a further page that is below what is there.
  const failure = further.failure && <Failure {...further.failure} />
  const { title, mayGo } = useTitleForFocus()
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? []
  // None in the state that was chosen before says nothing of this one.
  const unknown = rows.length === 0 && (list.isPending || list.isPlaceholderData)
  return (
    <section className="card" aria-labelledby="deliveries-title">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h5" id="deliveries-title" ref={title} tabIndex={-1}>
          Deliveries
        </Title>
        <StateChoice state={state} onChange={setState} />
      </Group>
      {unknown && <Loading />}
      {!further.failed && failure}
      <EmptyList
        when={list.isSuccess && rows.length === 0 && !unknown}
        title={state === '' ? 'None yet' : 'Nothing matches'}
      >
        {state === ''
          ? 'Each call that is made to an endpoint is listed here, with what it answered.'
          : 'Deliveries in another state may.'}
      </EmptyList>
      <Stack gap="sm" aria-busy={list.isPlaceholderData}>
        {rows.map((delivery) => (
          <div key={delivery.delivery_id} ref={mayGo}>
            <DeliveryStory delivery={delivery} />
          </div>
        ))}
      </Stack>
      {further.failed && failure}
      {list.hasNextPage && (
        <BusyButton
          ref={focusBefore}
          variant="subtle"
          fullWidth
          mt="sm"
          busy={list.isFetchingNextPage}
          onClick={further.fetch}
        >
          Show more
        </BusyButton>
      )}
    </section>
  )
}

function StateChoice({ state, onChange }: { state: string; onChange: (state: string) => void }) {
  return (
    <NativeSelect
      size="xs"
      aria-label="State"
      value={state}
      data={[{ value: '', label: 'State: all' }, 'waiting', 'sending', 'delivered', 'failed']}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
