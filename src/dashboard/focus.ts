import { useCallback, useEffect, useRef } from 'react'

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

const PLACES = 'h1, h2, a, button, input, select, textarea, summary, [tabindex]'

/**
 * Of a button that goes once it has done its work, or of what goes with it: the focus goes to what stands before it, for whoever
 * works by the keyboard to go on from there, and for the page not to jump.
 */
export function focusBefore(element: HTMLElement | null) {
  return () => {
    if (!element?.contains(document.activeElement)) return
    const before = [...document.querySelectorAll<HTMLElement>(PLACES)].filter(
      (place) => place.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING,
    )
    // What goes along with it is gone by then.
    queueMicrotask(() => {
      if (document.activeElement === document.body) before.findLast(takesFocus)
    })
  }
}

function takesFocus(place: HTMLElement): boolean {
  if (place instanceof HTMLHeadingElement) place.tabIndex = -1
  place.focus()
  return document.activeElement === place
}

/** Of what was chosen to be seen: where the one that was pressed is hidden along with what was seen before, the focus goes to `chosen`. */
export function useFocusWherePressedIsHidden(seen: string) {
  const chosen = useRef<HTMLButtonElement>(null)
  const before = useRef(seen)
  useEffect(() => {
    if (before.current === seen) return
    before.current = seen
    if (document.activeElement?.checkVisibility() === false) chosen.current?.focus()
  }, [seen])
  return chosen
}

/** Of what was open and is closed, with all that had the focus in it: the focus goes back to what opened it. */
export function useFocusOnceClosed(open: boolean) {
  const opener = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    if (!open) return
    return () => {
      if (document.activeElement === document.body) opener.current?.focus()
    }
  }, [open])
  return opener
}
