import { Button, Group, Modal, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, type RefCallback, useState } from 'react'
import { useChanges } from '../act.ts'
import { call, get, queries, refresh } from '../api.ts'
import { useTitleForFocus } from '../focus.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { FreshKey, type NewKey } from '../parts/fresh-key.tsx'
import { Empty, Failure, Loading, Time } from '../parts/states.tsx'
import type { Account, ConnectorForm, OperatorLine } from '../types.ts'
import { LineForm } from './line-form.tsx'
import { OperatorLineCard } from './operator-line.tsx'

/** What an operator looks after: accounts, with their gate and plan, and their lines. */
export function Operator() {
  const accounts = useQuery({ queryKey: ['accounts'], queryFn: () => get<{ data: Account[] }>('/operator/accounts') })
  const lines = useQuery({
    queryKey: ['operator-lines'],
    queryFn: () => get<{ data: OperatorLine[] }>('/operator/lines'),
  })
  const forms = useQuery({
    queryKey: ['connectors'],
    queryFn: () => get<{ data: ConnectorForm[] }>('/operator/connectors'),
    staleTime: 'static',
  })
  return (
    <div className="page">
      <Group justify="space-between" mb="md">
        <Title order={1} size="h3">
          Accounts and lines
        </Title>
        <NewAccount />
      </Group>
      {accounts.isPending && <Loading />}
      {accounts.isError && <Failure error={accounts.error} again={accounts.refetch} />}
      {lines.isError && <Failure error={lines.error} again={lines.refetch} />}
      {forms.isError && <Failure error={forms.error} again={forms.refetch} />}
      {accounts.data?.data.length === 0 && (
        <Empty title="No account yet">An account is a customer of your server: it has keys, and lines.</Empty>
      )}
      <Stack gap="lg">
        {accounts.data?.data.map((account) => (
          <AccountCard
            key={account.account_id}
            account={account}
            lines={lines.data?.data.filter(({ account_id }) => account_id === account.account_id) ?? []}
            forms={forms.data?.data ?? []}
          />
        ))}
      </Stack>
    </div>
  )
}

function AccountCard({ account, lines, forms }: { account: Account; lines: OperatorLine[]; forms: ConnectorForm[] }) {
  const [adding, setAdding] = useState(false)
  const { title, mayGo } = useTitleForFocus()
  const { change, wanted, error } = useChanges<Account>(account.account_id, (changed) =>
    call('PATCH', `/operator/accounts/${account.account_id}`, changed),
  )
  return (
    <section className="card" aria-label={account.email}>
      <Group justify="space-between" align="flex-start">
        <div className="min0">
          <Title order={2} size="h5" className="break" ref={title} tabIndex={-1}>
            {account.email}
          </Title>
          <Text size="sm" c="dimmed">
            {account.account_id} · since <Time at={account.created_at} />
          </Text>
        </div>
        <Plan plan={account.plan} mayGo={mayGo} onChange={(plan) => change({ plan })} />
      </Group>
      <Gates account={{ ...account, ...wanted }} onChange={change} />
      {error && <Failure error={error} />}
      <Stack gap="xs" mt="md">
        {lines.map((line) => (
          <OperatorLineCard
            key={line.number}
            line={line}
            mayGo={mayGo}
            form={forms.find(({ connector }) => connector === line.connector)}
          />
        ))}
        {adding ? (
          <div ref={mayGo}>
            <LineForm
              place={`line ${account.account_id}`}
              forms={forms}
              onSubmit={(draft) => call('POST', `/operator/accounts/${account.account_id}/lines`, draft)}
              onDone={() => setAdding(false)}
            />
          </div>
        ) : (
          <Button size="xs" variant="default" w="fit-content" onClick={() => setAdding(true)}>
            Add a line
          </Button>
        )}
      </Stack>
    </section>
  )
}

function Gates({ account, onChange }: { account: Account; onChange: (changed: Partial<Account>) => void }) {
  return (
    <Group gap="10px 32px" mt="sm">
      <Switch
        label="Read receipts enabled"
        checked={account.read_receipts_enabled}
        onChange={(event) => onChange({ read_receipts_enabled: event.currentTarget.checked })}
      />
      <Switch
        label="Auto mark-read"
        checked={account.auto_mark_read}
        onChange={(event) => onChange({ auto_mark_read: event.currentTarget.checked })}
      />
      <Switch
        label="Disabled"
        color="red"
        checked={account.disabled}
        onChange={(event) => onChange({ disabled: event.currentTarget.checked })}
      />
    </Group>
  )
}

interface PlanProps {
  plan: string
  mayGo: RefCallback<HTMLElement>
  onChange: (plan: string) => void
}

/** What is typed here stays, whatever the plan becomes elsewhere meanwhile. */
function Plan({ plan, mayGo, onChange }: PlanProps) {
  const [typed, setTyped] = useState<string>()
  if (typed === plan) setTyped(undefined)
  const shown = typed ?? plan
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        onChange(shown)
      }}
    >
      <Group gap="xs" align="flex-end">
        <TextInput size="xs" label="Plan" value={shown} onChange={(event) => setTyped(event.currentTarget.value)} />
        {shown !== plan && (
          <Button ref={mayGo} size="xs" type="submit">
            Change
          </Button>
        )}
      </Group>
    </form>
  )
}

const NEW_ACCOUNT = ['new-account']

function NewAccount() {
  const [open, setOpen] = useState(false)
  const create = useMutation({
    mutationKey: NEW_ACCOUNT,
    mutationFn: (draft: object) => call<NewKey>('POST', '/operator/accounts', draft),
    onSettled: refresh,
  })
  const close = () => {
    setOpen(false)
    create.reset()
  }
  const closable = create.isIdle || create.isError
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        New account
      </Button>
      <Modal
        opened={open}
        // Asked of the call itself: what is rendered comes a moment after it.
        onClose={() => queries.isMutating({ mutationKey: NEW_ACCOUNT }) === 0 && close()}
        title="New account"
        closeButtonProps={{ 'aria-label': 'Close' }}
        // What is shown once must not be gone by a slip.
        closeOnEscape={closable}
        closeOnClickOutside={closable}
        withCloseButton={closable}
      >
        {create.data ? (
          <FreshKey fresh={create.data} onDone={close} />
        ) : (
          <AccountForm pending={create.isPending} error={create.error} onSubmit={create.mutate} />
        )}
      </Modal>
    </>
  )
}

interface AccountFormProps {
  pending: boolean
  error: Error | null
  onSubmit: (draft: object) => void
}

function AccountForm({ pending, error, onSubmit }: AccountFormProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    onSubmit({
      email: given.get('email'),
      plan: given.get('plan'),
      read_receipts_enabled: given.get('enabled') === 'on',
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput name="email" type="email" label="E-mail" required data-autofocus />
        <TextInput name="plan" label="Plan" defaultValue="free_api" required />
        <Switch name="enabled" label="Read receipts enabled" defaultChecked />
        {error && <Failure error={error} />}
        <BusyButton type="submit" busy={pending}>
          Create
        </BusyButton>
      </Stack>
    </form>
  )
}
