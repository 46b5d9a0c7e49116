import { useEffect, useState } from 'react'
import { queries } from './api.ts'

const COME_BACK_MS = 1_500

/** Fetches what is shown whenever the server says that something changed. Answers whether it would say so now. */
export function useLive(): boolean {
  const [live, setLive] = useState(false)
  useEffect(() => {
    let source: EventSource
    let again: number | undefined
    const open = () => {
      source = new EventSource('/console/events')
      // After a gap, too: whatever it would have said is in what is fetched.
      source.addEventListener('hello', () => {
        setLive(true)
        void queries.invalidateQueries()
      })
      source.addEventListener('change', () => void queries.invalidateQueries())
      source.onerror = () => {
        setLive(false)
        if (source.readyState !== EventSource.CLOSED) return
        void queries.invalidateQueries({ queryKey: ['session'] })
        again = window.setTimeout(open, COME_BACK_MS)
      }
    }
    open()
    return () => {
      window.clearTimeout(again)
      source.close()
    }
  }, [])
  return live
}
