import {
  Button,
  CopyButton,
  Group,
  NativeSelect,
  PasswordInput,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call, get, queries, query } from '../api.ts'
import { Badge, Empty, Failure, Loading, Time } from '../parts/states.tsx'
import type { Delivery, WebhookState } from '../types.ts'
import { DeliveryStory } from './message-panel.tsx'

const refresh = () => queries.invalidateQueries()

/** Where the account is called, and every call that was made. */
export default function Webhooks() {
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
  const endpoints = useQuery({
    queryKey: ['webhooks'],
    queryFn: () => get<{ data: WebhookState[] }>('/readback/v1/webhooks'),
  })
  const settings = useQuery({
    queryKey: ['webhook-settings'],
    queryFn: () => get<{ webhooks: { globalSecret: string } }>('/api/account/webhooks'),
  })
  const add = useMutation({
    mutationFn: ({ type, ...endpoint }: Record<string, string>) =>
      call('POST', '/api/account/webhooks', { webhooks: [endpoint], type }),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: ({ url, type }: WebhookState) => call('DELETE', '/api/account/webhooks', { webhooks: [url], type }),
    onSettled: refresh,
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const given = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()] as const)
    add.mutate(Object.fromEntries(given.filter(([, value]) => value !== '')), { onSuccess: () => form.reset() })
  }
  const secret = settings.data?.webhooks.globalSecret
  return (
    <section className="card" aria-labelledby="endpoints-title">
      <Title order={2} size="h5" id="endpoints-title" mb="xs">
        Endpoints
      </Title>
      {endpoints.isPending && <Loading rows={2} />}
      {endpoints.isError && <Failure error={endpoints.error} again={endpoints.refetch} />}
      {endpoints.data?.data.length === 0 && (
        <Empty title="No endpoint yet">
          Add one below, and it is called for what contacts write, or for what becomes of receipts.
        </Empty>
      )}
      {endpoints.data !== undefined && endpoints.data.data.length > 0 && (
        <Table.ScrollContainer minWidth={480}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>URL</Table.Th>
                <Table.Th>For</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>
                  <span className="visually-hidden">Actions</span>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {endpoints.data.data.map((endpoint) => (
                <Endpoint key={endpoint.webhook_id} endpoint={endpoint} onRemove={() => remove.mutate(endpoint)} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <form onSubmit={submit}>
        <Group align="flex-end" mt="md" gap="sm">
          <TextInput flex={2} miw={220} name="url" label="URL" required placeholder="https://example.com/hook" />
          <NativeSelect
            name="type"
            label="For"
            data={[
              { value: 'receive', label: 'receive: a contact writes' },
              { value: 'read_receipt', label: 'read_receipt: a receipt ended' },
            ]}
          />
          <TextInput flex={1} miw={160} name="secret" label="Its own secret (optional)" />
          <Button type="submit" loading={add.isPending}>
            Add
          </Button>
        </Group>
      </form>
      {add.isError && <Failure error={add.error} />}
      {remove.isError && <Failure error={remove.error} />}
      {secret !== undefined && secret !== '' && (
        <Group align="flex-end" mt="md" gap="xs">
          <PasswordInput
            flex={1}
            maw={420}
            readOnly
            label="Signs for all that have no secret of their own"
            value={secret}
          />
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
        </Group>
      )}
    </section>
  )
}

function Endpoint({ endpoint, onRemove }: { endpoint: WebhookState; onRemove: () => void }) {
  const { url, type, state, reason, failing_since } = endpoint
  return (
    <Table.Tr>
      <Table.Td className="url">{url}</Table.Td>
      <Table.Td>{type}</Table.Td>
      <Table.Td>
        <Badge tone={state === 'disabled' ? 'bad' : failing_since === null ? 'good' : 'waits'}>
          {state === 'disabled' ? `disabled: ${reason}` : failing_since === null ? 'enabled' : 'failing'}
        </Badge>
        {failing_since !== null && (
          <Text size="xs" c="dimmed">
            since <Time at={failing_since} />
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">
        <Button size="compact-xs" variant="subtle" color="red" onClick={onRemove} aria-label={`Remove ${url}`}>
          Remove
        </Button>
      </Table.Td>
    </Table.Tr>
  )
}

interface Page {
  data: Delivery[]
  next_cursor: string | null
}

function Deliveries() {
  const [state, setState] = useState('')
  const list = useInfiniteQuery({
    queryKey: ['deliveries', state],
    queryFn: ({ pageParam }) =>
      get<Page>(`/readback/v1/webhook-deliveries${query({ state, limit: '20', cursor: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  })
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? []
  return (
    <section className="card" aria-labelledby="deliveries-title">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h5" id="deliveries-title">
          Deliveries
        </Title>
        <NativeSelect
          size="xs"
          aria-label="State"
          value={state}
          data={[{ value: '', label: 'State: all' }, 'waiting', 'sending', 'delivered', 'failed']}
          onChange={(event) => setState(event.currentTarget.value)}
        />
      </Group>
      {list.isPending && <Loading />}
      {list.isError && <Failure error={list.error} again={list.refetch} />}
      {list.isSuccess && rows.length === 0 && (
        <Empty title="None">Each call that is made to an endpoint is listed here, with what it answered.</Empty>
      )}
      <Stack gap="sm">
        {rows.map((delivery) => (
          <DeliveryStory key={delivery.delivery_id} delivery={delivery} />
        ))}
      </Stack>
      {list.hasNextPage && (
        <Button
          variant="subtle"
          fullWidth
          mt="sm"
          loading={list.isFetchingNextPage}
          onClick={() => list.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </section>
  )
}
