import { UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import { focusBefore } from '../focus.ts'
import type { Service } from '../types.ts'
import { Icon } from './icons.tsx'

/** Beyond this a message is shortened, until somebody wants all of it. */
const LONG = 1_200
/** What is left of an emoji that stands where it is cut. */
const HALF = /[\uD800-\uDBFF]$/

interface BubbleProps {
  /** On the right, of whoever's screen it is. */
  own: boolean
  service: Service
  author: string | undefined
  content: string | null
  mediaUrl: string | null
  onOpen: (() => void) | undefined
}

/** A message, as text whatever is in it; an attachment is named and not fetched. Opens into what the message set off. */
export function Bubble({ own, service, author, content, mediaUrl, onOpen }: BubbleProps) {
  const [whole, setWhole] = useState(false)
  const long = content !== null && content.length > LONG && !whole
  return (
    <>
      <button
        type="button"
        className="bubble"
        data-own={own}
        data-service={service}
        disabled={onOpen === undefined}
        onClick={onOpen}
      >
        {author !== undefined && <span className="author">{author}</span>}
        {content !== null && (
          <span className="text" dir="auto">
            {long ? `${content.slice(0, LONG).replace(HALF, '')}…` : content}
          </span>
        )}
        {mediaUrl !== null && (
          <span className="attachment">
            <Icon name="clip" size={13} />
            {mediaUrl}
          </span>
        )}
        <span className="visually-hidden">. Open what it set off</span>
      </button>
      {long && (
        <UnstyledButton ref={focusBefore} className="whole" onClick={() => setWhole(true)}>
          Show all {content.length.toLocaleString()} characters
        </UnstyledButton>
      )}
    </>
  )
}
