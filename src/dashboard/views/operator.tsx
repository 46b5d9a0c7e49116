import { Button, Group, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type RefCallback, useEffect, useState } from 'react'
import { useChanges } from '../act.ts'
import { call, get } from '../api.ts'
import { useKept } from '../drafts.ts'
import { useTitleForFocus } from '../focus.ts'
import { hasInNumber } from '../lines.ts'
import { MAY_BE_LONG } from '../long-lists.ts'
import { FirstOf, Search } from '../parts/first-of.tsx'
import { OnlyNotOnline, useNotOnline } from '../parts/not-online.tsx'
import { EmptyList, Failure, Loading, Time } from '../parts/states.tsx'
import type { Account, ConnectorForm, OperatorLine } from '../types.ts'
import { LineForm } from './line-form.tsx'
import { NewAccount } from './new-account.tsx'
import { OperatorLineCard } from './operator-line.tsx'

const PAGE = 50
/** Of each account, where there is more than a page. */
const LINES = 10

/** What an operator looks after: accounts, with their gate and plan, and their lines. */
export function Operator() {
  const accounts = useQuery({
    queryKey: ['accounts'],
    queryFn: () => get<{ data: Account[] }>('/operator/accounts'),
    ...MAY_BE_LONG,
  })
  const lines = useQuery({
    queryKey: ['operator-lines'],
    queryFn: () => get<{ data: OperatorLine[] }>('/operator/lines'),
    ...MAY_BE_LONG,
  })
  const forms = useQuery({
    queryKey: ['connectors'],
    queryFn: () => get<{ data: ConnectorForm[] }>('/operator/connectors'),
    staleTime: 'static',
  })
  const { title, mayGo } = useTitleForFocus()
  return (
    <div className="page">
      <Group justify="space-between" mb="md">
        <Title order={1} size="h3" ref={title} tabIndex={-1}>
          Accounts and lines
        </Title>
        <NewAccount />
      </Group>
      {accounts.isPending && <Loading />}
      {accounts.isError && <Failure error={accounts.error} again={accounts.refetch} />}
      {lines.isError && <Failure error={lines.error} again={lines.refetch} />}
      {forms.isError && <Failure error={forms.error} again={forms.refetch} />}
      <EmptyList when={accounts.data?.data.length === 0} title="No account yet">
        An account is a customer of your server: it has keys, and lines.
      </EmptyList>
      <Accounts
        accounts={accounts.data?.data ?? []}
        lines={lines.data?.data ?? []}
        forms={forms.data?.data ?? []}
        mayGo={mayGo}
      />
    </div>
  )
}

interface AccountsProps {
  accounts: Account[]
  lines: OperatorLine[]
  forms: ConnectorForm[]
  mayGo: RefCallback<HTMLElement>
}

function Accounts({ accounts, lines, forms, mayGo }: AccountsProps) {
  const [search, setSearch] = useState('')
  const many = accounts.length > PAGE || lines.length > PAGE
  // Of many the newest come first, for what was just made to be seen.
  const { shown, only, setOnly } = useNotOnline(lines.toReversed())
  const wanted = only ? accountsOf(shown, accounts) : accounts.toReversed()
  const found = many ? find(wanted, shown, search) : find(accounts, lines, '')
  return (
    <>
      {many && <Search label="Search by e-mail, id or number" search={search} onSearch={setSearch} />}
      {many && <OnlyNotOnline only={only} setOnly={setOnly} />}
      <EmptyList when={many && found.length === 0} title="Nothing matches">
        {only ? 'All such lines are online.' : 'Another e-mail address, id or number may.'}
      </EmptyList>
      <Stack gap="lg">
        <FirstOf key={String(only)} rows={found} step={PAGE}>
          {({ account, own }) => (
            <AccountCard
              key={account.account_id}
              account={account}
              lines={own}
              step={many ? LINES : PAGE}
              forms={forms}
              mayGo={mayGo}
            />
          )}
        </FirstOf>
      </Stack>
    </>
  )
}

/** In the lines' order, so that an account which has one as the last of them comes last. */
function accountsOf(lines: OperatorLine[], accounts: Account[]): Account[] {
  const byId = new Map(accounts.map((account) => [account.account_id, account]))
  return [...new Set(lines.map(({ account_id }) => account_id))].flatMap((id) => byId.get(id) ?? [])
}

/** Each account with its lines: of one that is found by a number those alone that have it. */
function find(accounts: Account[], lines: OperatorLine[], search: string) {
  const byAccount = Map.groupBy(lines, ({ account_id }) => account_id)
  const each = accounts.map((account) => {
    const own = byAccount.get(account.account_id) ?? []
    const named = account.email.toLowerCase().includes(search.toLowerCase()) || account.account_id === search
    return { account, named, own: named ? own : own.filter((line) => hasInNumber(line, search)) }
  })
  return each.filter(({ named, own }) => named || own.length > 0)
}

interface AccountCardProps extends Omit<AccountsProps, 'accounts'> {
  account: Account
  /** So many lines at first. */
  step: number
}

function AccountCard({ account, lines, step, forms, mayGo: cardMayGo }: AccountCardProps) {
  const [adding, setAdding] = useState(false)
  const { title, mayGo } = useTitleForFocus()
  const { change, wanted, error } = useChanges<Account>(account.account_id, (changed) =>
    call('PATCH', `/operator/accounts/${account.account_id}`, changed),
  )
  return (
    <section className="card" aria-label={account.email} ref={cardMayGo}>
      <Group justify="space-between" align="flex-start">
        <div className="min0">
          <Title order={2} size="h5" className="break" ref={title} tabIndex={-1}>
            {account.email}
          </Title>
          <Text size="sm" c="dimmed">
            {account.account_id} · since <Time at={account.created_at} />
          </Text>
        </div>
        <Plan account={account} mayGo={mayGo} onChange={(plan) => change({ plan })} />
      </Group>
      <Gates account={{ ...account, ...wanted }} onChange={change} />
      {error && <Failure error={error} />}
      <Stack gap="xs" mt="md">
        <FirstOf rows={lines} step={step}>
          {(line) => (
            <OperatorLineCard
              key={line.number}
              line={line}
              mayGo={mayGo}
              form={forms.find(({ connector }) => connector === line.connector)}
            />
          )}
        </FirstOf>
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
  account: Account
  mayGo: RefCallback<HTMLElement>
  onChange: (plan: string) => void
}

/** What is typed here stays, whatever the plan becomes elsewhere meanwhile. */
function Plan({ account: { account_id, plan }, mayGo, onChange }: PlanProps) {
  const [typed, setTyped] = useKept<string>(`plan ${account_id}`)
  useEffect(() => {
    if (typed === plan) setTyped(undefined)
  })
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
