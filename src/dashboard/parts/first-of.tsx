import { Button, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'
import { focusBefore } from '../focus.ts'
import { Icon } from './icons.tsx'

interface FirstOfProps<Row> {
  rows: readonly Row[]
  /** So many at first, and as many more each time. */
  step: number
  /** What they stand in, without the button. */
  within?: (props: { children: ReactNode }) => ReactNode
  children: (row: Row) => ReactNode
}

/** The first of what may be thousands: all at once would keep a browser busy for seconds, and again at each change. */
export function FirstOf<Row>({ rows, step, within: Within = AsTheyAre, children }: FirstOfProps<Row>) {
  const [length, setLength] = useState(step)
  return (
    <>
      <Within>{rows.slice(0, length).map(children)}</Within>
      {rows.length > length && (
        <Button ref={focusBefore} variant="subtle" fullWidth onClick={() => setLength(length + step)}>
          Show more
        </Button>
      )}
    </>
  )
}

function AsTheyAre({ children }: { children: ReactNode }) {
  return children
}

interface SearchProps {
  label: string
  search: string
  onSearch: (typed: string) => void
}

/** What is typed waits for no list that is searched. */
export function Search({ label, search, onSearch }: SearchProps) {
  const settle = useDebouncedCallback(onSearch, 150)
  return (
    <div ref={focusBefore}>
      <TextInput
        mb="md"
        size="sm"
        aria-label={label}
        placeholder={label}
        leftSection={<Icon name="search" size={15} />}
        defaultValue={search}
        onChange={(event) => settle(event.currentTarget.value.trim())}
      />
    </div>
  )
}
