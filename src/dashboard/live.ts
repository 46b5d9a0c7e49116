import type { Query } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { fetchAnew, queries } from './api.ts'
import { hasTime } from './long-lists.ts'

const COME_BACK_MS = 1_500
/** A connection that is gone without a word says nothing of it; a server that is there is never silent for so long. */
const SILENT_MS = 40_000

let fetching = false
let again = false

/** Fetches what is shown, and once more if something changed meanwhile; however often it is asked, one after the other. */
async function fetchInTurn(): Promise<void> {
  again = true
  if (fetching) return
  fetching = true
  while (again) {
    // A first fetch under way is waited for, not begun anew: what it brings may be older than the change. That of a view that was left
    // nobody waits for: whoever comes back begins one.
    void queries.cancelQueries({ type: 'inactive', predicate: isFirst })
    again = queries.isFetching({ predicate: isFirst }) > 0
    await fetchAnew(hasTime)
  }
  fetching = false
}

const isFirst = ({ state }: Query) => state.data === undefined

/**
 * Fetches what is shown whenever the server says that something changed. Answers whether it would say so now. A browser has six
 * connections to a server, so whoever does not look holds none.
 */
export function useLive(): boolean {
  const [live, setLive] = useState(false)
  useEffect(() => {
    let source: EventSource | undefined
    let comeBack: number | undefined
    let silence: number | undefined
    const heard = () => {
      window.clearTimeout(silence)
      silence = window.setTimeout(() => {
        setLive(false)
        look()
      }, SILENT_MS)
    }
    const open = () => {
      source = new EventSource('/console/events')
      heard()
      for (const words of ['hello', 'change', 'beat']) source.addEventListener(words, heard)
      // After a gap, too: whatever it would have said is in what is fetched.
      source.addEventListener('hello', () => {
        setLive(true)
        void fetchInTurn()
      })
      source.addEventListener('change', () => void fetchInTurn())
      source.onerror = () => {
        setLive(false)
        if (source?.readyState !== EventSource.CLOSED) return
        void queries.invalidateQueries({ queryKey: ['session'] })
        comeBack = window.setTimeout(open, COME_BACK_MS)
      }
    }
    const close = () => {
      window.clearTimeout(comeBack)
      window.clearTimeout(silence)
      source?.close()
    }
    const look = () => {
      close()
      if (document.visibilityState === 'visible') open()
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      close()
    }
  }, [])
  return live
}
