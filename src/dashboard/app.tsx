import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { call, get, queries } from './api.ts'
import { Failure } from './parts/states.tsx'
import { Shell } from './shell.tsx'
import type { Visitor } from './types.ts'
import { SignIn } from './views/sign-in.tsx'

const LINK = /^#sign-in=([\w-]+)$/

/** Whoever is signed in sees the dashboard; anybody else how to get in. */
export function App() {
  const link = useSignInLink()
  const session = useQuery({
    queryKey: ['session'],
    enabled: link !== 'trying',
    queryFn: () => get<Visitor>('/session'),
  })
  if (session.data?.kind === 'nobody') return <SignIn linkProblem={link === 'trying' ? undefined : link} />
  if (session.data) return <Shell visitor={session.data} />
  return (
    <Center mih="100vh">
      {session.isError ? <Failure error={session.error} again={session.refetch} /> : <Loader aria-label="Loading" />}
    </Center>
  )
}

/** A token in the fragment signs in once; what is wrong with it, if it does not. */
function useSignInLink(): 'trying' | string | undefined {
  const [token] = useState(() => LINK.exec(location.hash)?.[1])
  const [state, setState] = useState<'trying' | string | undefined>(token === undefined ? undefined : 'trying')
  useEffect(() => {
    if (token === undefined || location.hash === '') return
    // Gone before anything else: it must not stay in the history.
    history.replaceState(null, '', location.pathname)
    call('POST', '/session', { link_token: token })
      .then(() => setState(undefined))
      .catch((error: Error) => setState(error.message))
      .finally(() => queries.invalidateQueries({ queryKey: ['session'] }))
  }, [token])
  return state
}
