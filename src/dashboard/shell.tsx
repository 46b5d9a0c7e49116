import {
  ActionIcon,
  AppShell,
  Group,
  Loader,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, Redirect, Route, Switch, useLocation, useRoute } from 'wouter'
import { call, queries } from './api.ts'
import { useLive } from './live.ts'
import { Boundary } from './parts/boundary.tsx'
import { BusyIcon } from './parts/busy-button.tsx'
import { Icon } from './parts/icons.tsx'
import { Empty, Notice } from './parts/states.tsx'
import type { AccountVisitor, Guest } from './types.ts'
import { Conversations } from './views/conversations.tsx'
import { Lines } from './views/lines.tsx'
import { Operator } from './views/operator.tsx'
import { Overview } from './views/overview.tsx'
import { Settings } from './views/settings.tsx'
import { Webhooks } from './views/webhooks.tsx'

const ACCOUNT_VIEWS = [
  { path: '/conversations', name: 'Conversations', icon: 'chats' },
  { path: '/overview', name: 'Overview', icon: 'chart' },
  { path: '/lines', name: 'Lines', icon: 'line' },
  { path: '/webhooks', name: 'Webhooks', icon: 'hook' },
  { path: '/settings', name: 'Settings', icon: 'gear' },
] as const
const OPERATOR_VIEWS = [{ path: '/operator', name: 'Accounts and lines', icon: 'tower' }] as const

/** In pixels; `styles/` has them too. */
const HEADER = 52
const AWAY = 26
/** Every page takes a moment to connect, and a server that is started anew a little longer. */
const AWAY_AFTER_MS = 2_000

/** The frame around every view. */
export function Shell({ visitor }: { visitor: Guest }) {
  const live = useLive()
  const [path] = useLocation()
  const [, view] = path.split('/')
  const here = [...ACCOUNT_VIEWS, ...OPERATOR_VIEWS].find((each) => each.path === `/${view}`)
  useDocumentTitle(here === undefined ? 'Readback' : `${here.name} · Readback`)
  const away = useAway(live)
  return (
    <AppShell header={{ height: away ? HEADER + AWAY : HEADER }} padding={0} className="shell" data-away={away}>
      <AppShell.Header>
        <Header visitor={visitor} live={live} />
        {away && (
          <p className="away" aria-hidden="true">
            Not connected: what is shown may be old
          </p>
        )}
      </AppShell.Header>
      <AppShell.Main className="main">
        <Boundary key={view}>
          {visitor.kind === 'account' ? <AccountViews visitor={visitor} /> : <OperatorViews />}
        </Boundary>
      </AppShell.Main>
    </AppShell>
  )
}

/** To be seen; `Live` says it aloud, and at once. */
function useAway(live: boolean): boolean {
  const [away, setAway] = useState(false)
  useEffect(() => {
    if (live) return setAway(false)
    const timer = setTimeout(() => setAway(true), AWAY_AFTER_MS)
    return () => clearTimeout(timer)
  }, [live])
  return away
}

function Header({ visitor, live }: { visitor: Guest; live: boolean }) {
  const views = visitor.kind === 'account' ? ACCOUNT_VIEWS : OPERATOR_VIEWS
  return (
    <Group h={HEADER - 1} px="md" gap="sm" wrap="nowrap" justify="space-between">
      <Group gap="xs" wrap="nowrap">
        <span className="mark" aria-hidden="true">
          <Icon name="checks" size={16} />
        </span>
        <Text fw={700} visibleFrom="xs">
          Readback
        </Text>
      </Group>
      <nav className="tabs" aria-label="Views">
        {views.map((view) => (
          <Tab key={view.path} {...view} />
        ))}
      </nav>
      <Group gap={4} wrap="nowrap">
        <Live live={live} />
        <Text size="sm" c="dimmed" visibleFrom="lg" truncate maw={200}>
          {visitor.kind === 'account' ? visitor.account.email : 'operator'}
        </Text>
        <Scheme />
        <SignOut />
      </Group>
    </Group>
  )
}

function AccountViews({ visitor }: { visitor: AccountVisitor }) {
  return (
    <Switch>
      <Route path="/conversations/:id?">
        {({ id }) => <Conversations openId={id} autoMarkRead={visitor.account.auto_mark_read} />}
      </Route>
      <Route path="/overview">
        <Overview />
      </Route>
      <Route path="/lines">
        <Lines />
      </Route>
      <Route path="/webhooks">
        <Webhooks />
      </Route>
      <Route path="/settings">
        <Settings visitor={visitor} />
      </Route>
      <Route path="/">
        <Redirect to="/conversations" replace />
      </Route>
      <Route>
        <OutOfPlace home="/conversations" />
      </Route>
    </Switch>
  )
}

function OperatorViews() {
  return (
    <Switch>
      <Route path="/operator">
        <Operator />
      </Route>
      <Route>
        <Redirect to="/operator" replace />
      </Route>
    </Switch>
  )
}

function Tab({ path, name, icon }: (typeof ACCOUNT_VIEWS | typeof OPERATOR_VIEWS)[number]) {
  const [here] = useRoute(`${path}/*?`)
  return (
    <UnstyledButton component={Link} href={path} className="tab" aria-current={here ? 'page' : undefined} title={name}>
      <Icon name={icon} />
      <span className="tab-name">{name}</span>
    </UnstyledButton>
  )
}

/** Whether what is shown follows what happens. */
function Live({ live }: { live: boolean }) {
  const words = live ? 'Live: what is shown follows what happens' : 'Connecting to the server…'
  return (
    <Tooltip label={words}>
      <span className="live" data-live={live} role="status">
        {live ? '' : <Loader size={10} color="gray" />}
        <span className="visually-hidden">{words}</span>
      </span>
    </Tooltip>
  )
}

/** Whoever is told to be signed out is: where that fails, nothing else is shown. */
function SignOut() {
  const signOut = useMutation({
    mutationFn: () => call('DELETE', '/session'),
    onSuccess() {
      queries.clear()
      location.assign('/')
    },
  })
  return (
    <>
      <Tooltip label="Sign out">
        <BusyIcon
          variant="subtle"
          color="gray"
          aria-label="Sign out"
          busy={signOut.isPending}
          onClick={() => signOut.mutate()}
        >
          <Icon name="out" />
        </BusyIcon>
      </Tooltip>
      {signOut.isError && <Notice error={signOut.error} onClose={signOut.reset} />}
    </>
  )
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme()
  const other = useComputedColorScheme('light') === 'light' ? 'dark' : 'light'
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon variant="subtle" color="gray" aria-label={`Switch to ${other}`} onClick={() => setColorScheme(other)}>
        <Icon name="sun" />
      </ActionIcon>
    </Tooltip>
  )
}

function OutOfPlace({ home }: { home: string }) {
  return (
    <Empty title="There is nothing here" whole>
      <Link href={home}>Back to your conversations</Link>
    </Empty>
  )
}
