import { Alert, Group, Stack, Switch, Text, Title } from '@mantine/core'
import { useChanges } from '../act.ts'
import { call } from '../api.ts'
import { useTitleForFocus } from '../focus.ts'
import { Failure, Time } from '../parts/states.tsx'
import type { AccountVisitor } from '../types.ts'
import { Keys } from './keys.tsx'
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
