import { Group, NumberInput, Radio, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { RefCallback } from 'react'
import { call, refresh } from '../api.ts'
import { forgetSent, useKept } from '../drafts.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Failure } from '../parts/states.tsx'
import type { Timing } from '../types.ts'
import { timingInWords } from '../words.ts'

interface Typed {
  mode: Timing['mode']
  delay: number | string
  jitter: number | string
}

/** When an automatic receipt goes. What is typed here stays, whatever the setting becomes elsewhere meanwhile. */
export function TimingForm({ timing, mayGo }: { timing: Timing; mayGo: RefCallback<HTMLElement> }) {
  const [typed, setTyped] = useKept<Typed>('timing')
  const shown = typed ?? asTyped(timing)
  const wanted = asTiming(shown)
  const set = useMutation({
    mutationFn: (sent: Typed) => call('PATCH', '/readback/v1/settings', { auto_mark_read_timing: asTiming(sent) }),
    async onSettled(answer, error, sent) {
      await refresh(answer, error)
      if (error === null) forgetSent('timing', JSON.stringify(sent))
    },
  })
  const type = (change: Partial<Typed>) => setTyped({ ...shown, ...change })
  const changed = JSON.stringify(wanted) !== JSON.stringify(timing)
  return (
    <Stack gap="sm" mt="md" align="flex-start">
      <Radio.Group
        label="When it goes"
        value={shown.mode}
        onChange={(value) => type({ mode: value as Timing['mode'] })}
      >
        <Stack gap={8} mt={6}>
          <Radio value="on_arrival" label="As the message arrives" />
          <Radio value="after" label="After a pause, as a person would make" />
          <Radio value="on_reply" label="With your reply in that conversation" />
        </Stack>
      </Radio.Group>
      {shown.mode === 'after' && (
        <Group gap="sm" align="flex-end">
          <Seconds label="Pause (s)" value={shown.delay} onChange={(delay) => type({ delay })} />
          <Seconds label="Up to so much more (s)" value={shown.jitter} onChange={(jitter) => type({ jitter })} />
        </Group>
      )}
      {set.isError && <Failure error={set.error} />}
      {changed && (
        <BusyButton ref={mayGo} size="xs" busy={set.isPending} onClick={() => set.mutate(shown)}>
          Send {timingInWords(wanted)}
        </BusyButton>
      )}
    </Stack>
  )
}

interface SecondsProps {
  label: string
  value: number | string
  onChange: (value: number | string) => void
}

function Seconds(field: SecondsProps) {
  return <NumberInput {...field} w={150} min={0} max={3_600} allowNegative={false} />
}

function asTyped(timing: Timing): Typed {
  if (timing.mode !== 'after') return { mode: timing.mode, delay: 5, jitter: 3 }
  return { mode: timing.mode, delay: timing.delay_s, jitter: timing.jitter_s }
}

function asTiming({ mode, delay, jitter }: Typed): Timing {
  return mode === 'after' ? { mode, delay_s: seconds(delay), jitter_s: seconds(jitter) } : { mode }
}

/** A number that has only begun is none yet. */
function seconds(typed: number | string): number {
  return Number(typed) || 0
}
