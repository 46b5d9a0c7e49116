import { Switch } from '@mantine/core'
import { useState } from 'react'
import type { LineState } from '../types.ts'

/**
 * Those that are not online, where they alone are wanted, and those that were since then: none moves away under the hand, and more of
 * them come last.
 */
export function useNotOnline<Line extends Pick<LineState, 'number' | 'line_status'>>(all: Line[]) {
  const [noted, setNoted] = useState<ReadonlySet<string>>()
  const setOnly = (only: boolean) => setNoted(only ? new Set() : undefined)
  if (noted === undefined) return { shown: all, only: false, setOnly }
  const troubled = all.filter(({ line_status }) => line_status !== 'ONLINE').map(({ number }) => number)
  const numbers = new Set([...noted, ...troubled])
  if (numbers.size > noted.size) setNoted(numbers)
  const byNumber = new Map(all.map((line) => [line.number, line]))
  return { shown: [...numbers].flatMap((number) => byNumber.get(number) ?? []), only: true, setOnly }
}

export function OnlyNotOnline({ only, setOnly }: { only: boolean; setOnly: (only: boolean) => void }) {
  return (
    <Switch
      mb="md"
      label="Only lines that are not online"
      checked={only}
      onChange={(event) => setOnly(event.currentTarget.checked)}
    />
  )
}
