import { Alert, Button, Group, Modal, Stack, Switch, Text, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type RefCallback, useState } from 'react'
import { useChanges } from '../act.ts'
import { call, get, refresh } from '../api.ts'
import { useKept } from '../drafts.ts'
import { useTitleForFocus } from '../focus.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { FreshKey, type NewKey } from '../parts/fresh-key.tsx'
import { Failure, Loading, Time } from '../parts/states.tsx'
import type { AccountVisitor } from '../types.ts'
import { TimingForm } from './timing-form.tsx'

export function Settings({ visitor }: { visitor: AccountVisitor }) {
  return (
    <div className="page">
      <Title order={1} size="h3" mb="md">
        Settings
      </Title>
      <Stack gap="lg">
        <AutoMarkRead visitor={visitor} />
        <AccountFacts visitor={visitor} />
        <Keys own={visitor.api_key_id} />
      </Stack>
    </div>
  )
}

/** The page's own "account settings" switch, and when it sends. */
function AutoMarkRead({ visitor: { account, auto_plans } }: { visitor: AccountVisitor }) {
  const { change, wanted, error } = useChanges<{ auto_mark_read: boolean }>('auto mark-read', (changed) =>
    call('POST', '/accounts/settings/auto-mark-read', changed),
  )
  const { title, mayGo } = useTitleForFocus()
  const included = auto_plans.includes(account.plan)
  return (
    <section className="card" aria-labelledby="auto-title">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Title order={2} size="h5" id="auto-title" ref={title} tabIndex={-1}>
            Auto mark-read
          </Title>
          <Text size="sm" c="dimmed" mt={2}>
            Each new iMessage in a 1:1 conversation is marked as read by itself. RCS is left to calls; SMS carries no
            receipts, and groups get none. It holds for the next message.
          </Text>
        </div>
        <Switch
          size="lg"
          aria-label="Auto mark-read"
          checked={wanted.auto_mark_read ?? account.auto_mark_read}
          disabled={!included && !account.auto_mark_read}
          onChange={(event) => change({ auto_mark_read: event.currentTarget.checked })}
        />
      </Group>
      {!included && (
        <Alert color="yellow" mt="sm" className="break" title={`Your plan, ${account.plan}, does not include it`}>
          It comes with {auto_plans.join(' and ')}. The operator of this server can change the plan.
        </Alert>
      )}
      {error && <Failure error={error} />}
      <TimingForm timing={account.auto_mark_read_timing} mayGo={mayGo} />
    </section>
  )
}

function AccountFacts({ visitor: { account } }: { visitor: AccountVisitor }) {
  return (
    <section className="card" aria-labelledby="account-title">
      <Title order={2} size="h5" id="account-title" mb={6}>
        Account
      </Title>
      <Text size="sm" className="break">
        {account.email} · plan <strong>{account.plan}</strong> · since <Time at={account.created_at} />
      </Text>
      {account.read_receipts_enabled ? (
        <Text size="sm" c="dimmed" mt={4}>
          Read receipts are enabled for this account.
        </Text>
      ) : (
        <Alert color="red" mt="sm" title="Read receipts are not enabled for this account">
          Until they are, nothing is marked as read: calls get a 403, and auto mark-read does not fire. The operator of
          this server enables them.
        </Alert>
      )}
    </section>
  )
}

interface Key {
  api_key_id: string
  created_at: string
}

function Keys({ own }: { own: string }) {
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => get<{ data: Key[] }>('/keys') })
  // Its secret is shown this once: it stands there until it is put away, also for who has left this view meanwhile.
  const [fresh, setFresh] = useKept<NewKey>('fresh key')
  const make = useMutation({
    mutationFn: () => call<NewKey>('POST', '/keys'),
    onSuccess: setFresh,
    onSettled: refresh,
  })
  const [doomed, setDoomed] = useState<string>()
  const { title, mayGo } = useTitleForFocus()
  const revoke = useMutation({
    mutationFn: (id: string) => call('DELETE', `/keys/${id}`),
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
      {fresh && (
        <div ref={mayGo}>
          <FreshKey key={fresh.api_key_id} fresh={fresh} onDone={() => setFresh(undefined)} />
        </div>
      )}
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
