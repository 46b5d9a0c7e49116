import { type ReactNode, useEffect, useRef } from 'react'

/** So near to the end, in pixels, one is there. */
const NEAR = 80

/** What happens, the newest last. Stays at its end while one is there, and leaves one alone who reads further up, whatever comes above. */
export function Log({ label, className, children }: { label: string; className: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = box.current
    const content = element?.firstElementChild
    if (!element || !content) return
    let atEnd = true
    let top = 0
    let held: { entry: Element; at: number } | undefined
    const placeOf = (entry: Element) => entry.getBoundingClientRect().top - element.getBoundingClientRect().top
    // What is read: the first that is seen of what was written. A browser holds nothing where it is scrolled to its very top.
    const hold = () => {
      const seen = ({ tagName, clientHeight }: Element, at: number) => tagName !== 'BUTTON' && at + clientHeight > 0
      const entry = [...content.children].find((each) => seen(each, placeOf(each)))
      held = entry && { entry, at: placeOf(entry) }
    }
    const look = () => {
      const { clientHeight, scrollHeight, scrollTop } = element
      // Nobody scrolls what is not shown.
      if (clientHeight === 0) return
      // Only who went back has left it: it may have grown since one came to its end, and that is told of later.
      if (scrollHeight - scrollTop - clientHeight < NEAR) atEnd = true
      else if (scrollTop < top) atEnd = false
      top = scrollTop
      hold()
    }
    // Whatever makes it longer, or its window smaller, or shows it again.
    const follow = new ResizeObserver(() => {
      if (atEnd) element.scrollTop = element.scrollHeight
      else if (held?.entry.isConnected) element.scrollTop += placeOf(held.entry) - held.at
      hold()
    })
    follow.observe(element)
    follow.observe(content)
    element.addEventListener('scroll', look, { passive: true })
    return () => {
      follow.disconnect()
      element.removeEventListener('scroll', look)
    }
  }, [])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <div className={`log ${className}`} ref={box} tabIndex={0} role="log" aria-label={label}>
      <div className="log-content">{children}</div>
    </div>
  )
}
