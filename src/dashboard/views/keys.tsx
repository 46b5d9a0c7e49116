import { Button, Group, Modal, Text, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type RefCallback, useState } from 'react'
import { call, get, refresh } from '../api.ts'
import { useTitleForFocus } from '../focus.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { FreshKey, type NewKey, useFreshKeys } from '../parts/fresh-key.tsx'
import { Failure, Loading, Time } from '../parts/states.tsx'

interface Key {
  api_key_id: string
  created_at: string
}

/** Those by which the account is called, each as good as the other. */
export function Keys({ own }: { own: string }) {
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => get<{ data: Key[] }>('/keys') })
  const { fresh, show, putAway } = useFreshKeys('keys')
  const make = useMutation({
    mutationFn: () => call<NewKey>('POST', '/keys'),
    onSuccess: show,
    onSettled: refresh,
  })
  const [doomed, setDoomed] = useState<string>()
  const { title, mayGo } = useTitleForFocus()
  const revoke = useMutation({
    mutationFn: (id: string) => call('DELETE', `/keys/${id}`),
    onSuccess: (_answer, id) => putAway(id),
    onSettled(answer, error) {
      setDoomed(undefined)
      return refresh(answer, error)
    },
  })
  return (
    <section className="card" aria-labelledby="keys-title">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5" id="keys-title" ref={title} tabIndex={-1}>
          API keys
        </Title>
        <BusyButton size="xs" variant="default" busy={make.isPending} onClick={() => make.mutate()}>
          Create a key
        </BusyButton>
      </Group>
      {keys.isPending && <Loading rows={2} />}
      {keys.isError && <Failure error={keys.error} again={keys.refetch} />}
      {make.isError && <Failure error={make.error} />}
      {revoke.isError && <Failure error={revoke.error} />}
      {fresh.map((key) => (
        <div key={key.api_key_id} ref={mayGo}>
          <FreshKey fresh={key} now={key.api_key_id === make.data?.api_key_id} onDone={() => putAway(key.api_key_id)} />
        </div>
      ))}
      {keys.data && <KeyRows keys={keys.data.data} own={own} mayGo={mayGo} onRevoke={setDoomed} />}
      <Revocation
        doomed={doomed}
        own={own}
        busy={revoke.isPending}
        mayGo={mayGo}
        onKeep={() => setDoomed(undefined)}
        onRevoke={revoke.mutate}
      />
    </section>
  )
}

interface RevocationProps {
  doomed: string | undefined
  own: string
  busy: boolean
  mayGo: RefCallback<HTMLElement>
  onKeep: () => void
  onRevoke: (id: string) => void
}

/** Asks once more. */
function Revocation({ doomed, own, busy, mayGo, onKeep, onRevoke }: RevocationProps) {
  return (
    <Modal
      opened={doomed !== undefined}
      onClose={onKeep}
      title="Revoke this key?"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div ref={mayGo}>
        <Text size="sm">
          Calls with <code>{doomed}</code> are refused from now on, and whoever is signed in by it is signed out
          {doomed === own ? ': that is you' : ''}.
        </Text>
        <Group mt="md" justify="flex-end">
          <Button variant="default" onClick={onKeep}>
            Keep it
          </Button>
          <BusyButton color="red" busy={busy} onClick={() => doomed !== undefined && onRevoke(doomed)}>
            Revoke
          </BusyButton>
        </Group>
      </div>
    </Modal>
  )
}

interface KeyRowsProps {
  keys: Key[]
  own: string
  mayGo: RefCallback<HTMLElement>
  onRevoke: (id: string) => void
}

function KeyRows({ keys, own, mayGo, onRevoke }: KeyRowsProps) {
  return (
    <ul className="rows">
      {keys.map(({ api_key_id: id, created_at }) => (
        <li key={id} ref={mayGo}>
          <div className="min0">
            <Text size="sm" ff="monospace" className="break">
              {id}
            </Text>
            <Text size="xs" c="dimmed">
              made <Time at={created_at} />
              {id === own && ' · you are signed in by it'}
            </Text>
          </div>
          <Button
            size="compact-xs"
            variant="subtle"
            color="red"
            className="no-shrink"
            aria-label={`Revoke ${id}`}
            onClick={() => onRevoke(id)}
          >
            Revoke
          </Button>
        </li>
      ))}
    </ul>
  )
}
