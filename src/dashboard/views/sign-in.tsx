import { Alert, Card, Center, PasswordInput, SegmentedControl, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { call, queries } from '../api.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Icon } from '../parts/icons.tsx'

type Who = 'account' | 'operator'

const WHERE_IT_IS = {
  account: 'A demo keeps its keys in data/demo.env, and a start of it prints a link that signs you in.',
  operator: 'The token is in data/operator-token, unless READBACK_OPERATOR_TOKEN was set.',
} as const

interface SignInProps {
  /** Why they have to, where something is wrong. */
  problem: string | undefined
  onDone: () => void
}

export function SignIn({ problem, onDone }: SignInProps) {
  const [who, setWho] = useState<Who>('account')
  useDocumentTitle('Sign in · Readback')
  const first = useRef<HTMLInputElement>(null)
  // Also where a session ends, and what had the focus is gone.
  useEffect(() => first.current?.focus(), [])
  const signIn = useMutation({
    mutationFn: (body: Record<string, string>) => call('POST', '/session', body),
    onSuccess() {
      onDone()
      return queries.invalidateQueries({ queryKey: ['session'] })
    },
  })
  const turnTo = (given: Who) => {
    setWho(given)
    signIn.reset()
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    const fields = who === 'account' ? ['api_key_id', 'api_secret_key'] : ['operator_token']
    signIn.mutate(Object.fromEntries(fields.map((field) => [field, String(given.get(field)).trim()])))
  }
  const told = signIn.error?.message ?? problem
  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder w="100%" maw={400} padding="xl" radius="lg">
        <form onSubmit={submit}>
          <Stack>
            <Brand />
            <AsWhom who={who} onChange={turnTo} />
            <Proof of={who} first={first} />
            {told !== undefined && (
              <Alert color="red" role="alert" py="xs">
                {told}
              </Alert>
            )}
            <BusyButton type="submit" busy={signIn.isPending}>
              Sign in
            </BusyButton>
            <Text size="xs" c="dimmed">
              {WHERE_IT_IS[who]}
            </Text>
          </Stack>
        </form>
      </Card>
    </Center>
  )
}

function AsWhom({ who, onChange }: { who: Who; onChange: (who: Who) => void }) {
  return (
    <SegmentedControl
      fullWidth
      aria-label="Sign in as"
      value={who}
      onChange={(value) => onChange(value as Who)}
      data={[
        { value: 'account', label: 'Account' },
        { value: 'operator', label: 'Operator' },
      ]}
    />
  )
}

function Brand() {
  return (
    <Stack gap={6} align="center">
      <span className="mark mark-large" aria-hidden="true">
        <Icon name="checks" size={26} />
      </span>
      <Title order={1} size="h3">
        Readback
      </Title>
    </Stack>
  )
}

/** Of another kind it is another field: what was typed in one never stands in the other. */
function Proof({ of: who, first }: { of: Who; first: RefObject<HTMLInputElement | null> }) {
  if (who === 'operator') {
    return <PasswordInput name="operator_token" label="Operator token" required autoComplete="current-password" />
  }
  return (
    <>
      <TextInput
        ref={first}
        name="api_key_id"
        label="API key id"
        required
        autoComplete="username"
        placeholder="key_…"
      />
      <PasswordInput name="api_secret_key" label="API secret key" required autoComplete="current-password" />
    </>
  )
}
