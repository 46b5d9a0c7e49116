import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { call, get, queries } from './api.ts'
import { forgetSecrets, keepDraftsOf } from './drafts.ts'
import { Failure, Notice } from './parts/states.tsx'
import { Shell } from './shell.tsx'
import type { Visitor } from './types.ts'
import { SignIn } from './views/sign-in.tsx'

const LINK = /^#sign-in=([\w-]+)$/

const ENDED = 'You are no longer signed in: the session came to its end, or the key behind it was revoked.'

/** How soon a server that is away is asked again who is signed in. */
const ASK_AGAIN_MS = 1_500

/** Whoever is signed in sees the dashboard; anybody else how to get in. */
export function App() {
  const link = useSignInLink()
  const session = useQuery({
    queryKey: ['session'],
    enabled: !link.trying,
    queryFn: getVisitor,
    retry: false,
    refetchInterval: ({ state }) => (state.status === 'error' ? ASK_AGAIN_MS : false),
  })
  const problem = useLast(session.error)
  const visitor = session.data
  if (visitor?.kind === 'nobody') {
    return <SignIn problem={link.problem ?? (visitor.ended ? ENDED : undefined)} onDone={link.forget} />
  }
  if (visitor) {
    return (
      <>
        <Shell key={nameOf(visitor)} visitor={visitor} />
        {link.problem !== undefined && <Notice error={new Error(link.problem)} onClose={link.forget} />}
      </>
    )
  }
  return (
    <Center mih="100vh">
      {problem ? <Failure error={problem} again={session.refetch} /> : <Loader aria-label="Loading" />}
    </Center>
  )
}

/** What it failed with last: while it is asked again it is as if it had not been asked before. */
function useLast(error: Error | null): Error | null {
  const last = useRef(error)
  last.current = error ?? last.current
  return last.current
}

function nameOf(visitor: Visitor): string {
  return visitor.kind === 'account' ? visitor.account.account_id : visitor.kind
}

/** Nobody is shown what somebody else had before them in the same tab. */
async function getVisitor(): Promise<Visitor> {
  const visitor = await get<Visitor>('/session')
  const before = queries.getQueryData<Visitor>(['session'])
  if (before !== undefined && nameOf(before) !== nameOf(visitor)) {
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
    // What waits for another change to be taken would go out as the next one's.
    queries.getMutationCache().clear()
  }
  if (visitor.kind === 'nobody') {
    forgetSecrets()
    return { ...visitor, ended: before !== undefined && (before.kind !== 'nobody' || before.ended === true) }
  }
  keepDraftsOf(nameOf(visitor))
  return visitor
}

/** A token in the fragment signs in once, also where the page is open already; and what is wrong with it, if it does not. */
function useSignInLink() {
  const [token, setToken] = useState(tokenInAddress)
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    const look = () => setToken((before) => tokenInAddress() ?? before)
    window.addEventListener('hashchange', look)
    return () => window.removeEventListener('hashchange', look)
  }, [])
  useEffect(() => {
    if (token === undefined || location.hash === '') return
    // Gone before anything else: it must not stay in the history.
    history.replaceState(null, '', location.pathname)
    call('POST', '/session', { link_token: token })
      .then(() => setProblem(undefined))
      .catch((error: Error) => setProblem(error.message))
      .finally(() => {
        setToken(undefined)
        return queries.invalidateQueries({ queryKey: ['session'] })
      })
  }, [token])
  return { trying: token !== undefined, problem, forget: () => setProblem(undefined) }
}

function tokenInAddress(): string | undefined {
  return LINK.exec(location.hash)?.[1]
}
