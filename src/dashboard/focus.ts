import { useCallback, useRef } from 'react'

/**
 * Where what has the focus is taken away, the focus falls to the page, and whoever works by the keyboard begins anew. Of what
 * `mayGo` it goes to `title`, which needs a `tabIndex` of -1.
 */
export function useTitleForFocus() {
  const title = useRef<HTMLHeadingElement>(null)
  // React calls what this answers before the element leaves the page, while it has the focus still.
  const mayGo = useCallback((element: HTMLElement | null) => {
    return () => {
      if (element?.contains(document.activeElement)) title.current?.focus()
    }
  }, [])
  return { title, mayGo }
}
