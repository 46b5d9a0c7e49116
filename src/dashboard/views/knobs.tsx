import { Group, NumberInput, SegmentedControl, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useChanges } from '../act.ts'
import { call, get, query } from '../api.ts'
import { Failure } from '../parts/states.tsx'
import type { Knobs as KnobValues } from '../types.ts'

const FINE: KnobValues = { latency_ms: 0, pace_per_s: null, fail_next: 0, failure_rate: 0, offline: false }
const PRESETS = {
  fine: FINE,
  slow: { ...FINE, latency_ms: 3_000 },
  faulty: { ...FINE, failure_rate: 0.5 },
  offline: { ...FINE, offline: true },
} as const
type Preset = keyof typeof PRESETS

/** The simulated carrier behind a line: well, slow, faulty or absent. */
export function Knobs({ line }: { line: string }) {
  const knobs = useQuery({
    queryKey: ['knobs', line],
    queryFn: () => get<KnobValues>(`/simulator/carrier${query({ from_number: line })}`),
  })
  const { change, wanted, error } = useChanges<KnobValues>(`carrier of ${line}`, (changed) =>
    call('PUT', '/simulator/carrier', { from_number: line, ...changed }),
  )
  const now = knobs.data && { ...knobs.data, ...wanted }
  return (
    <div className="knobs">
      <Text size="xs" fw={600} mb={4}>
        The carrier between the phone and the line
      </Text>
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label="The carrier is"
        value={now === undefined ? '' : presetOf(now)}
        onChange={(preset) => change(PRESETS[preset as Preset])}
        data={[
          { value: 'fine', label: 'Well' },
          { value: 'slow', label: 'Slow' },
          { value: 'faulty', label: 'Faulty' },
          { value: 'offline', label: 'Offline' },
        ]}
      />
      {error ? <Failure error={error} /> : knobs.isError && <Failure error={knobs.error} again={knobs.refetch} />}
      {now && <Exactly now={now} onTurn={change} />}
    </div>
  )
}

function Exactly({ now, onTurn }: { now: KnobValues; onTurn: (change: Partial<KnobValues>) => void }) {
  return (
    <details>
      <summary>Exactly how</summary>
      <Group gap="xs" grow mt={6} align="flex-end">
        <Knob
          label="Call takes (ms)"
          value={now.latency_ms}
          max={600_000}
          onTurn={(latency_ms) => onTurn({ latency_ms })}
        />
        <Knob
          label="Calls that fail (%)"
          value={Math.round(now.failure_rate * 100)}
          max={100}
          onTurn={(share) => onTurn({ failure_rate: share / 100 })}
        />
        <Knob label="Next that fail" value={now.fail_next} max={1_000} onTurn={(fail_next) => onTurn({ fail_next })} />
      </Group>
    </details>
  )
}

function presetOf(now: KnobValues): Preset {
  if (now.offline) return 'offline'
  if (now.failure_rate > 0 || now.fail_next > 0) return 'faulty'
  return now.latency_ms > 0 || now.pace_per_s !== null ? 'slow' : 'fine'
}

/** What is typed here stays until it is given, however the carrier counts down meanwhile. */
function Knob({
  label,
  value,
  max,
  onTurn,
}: {
  label: string
  value: number
  max: number
  onTurn: (value: number) => void
}) {
  const [typed, setTyped] = useState<number | string>()
  const commit = () => {
    // What begins with a zero is a text still.
    const wanted = Number.parseInt(String(typed), 10)
    if (!Number.isNaN(wanted) && wanted !== value) onTurn(wanted)
    setTyped(undefined)
  }
  return (
    <NumberInput
      size="xs"
      label={label}
      min={0}
      max={max}
      allowDecimal={false}
      clampBehavior="strict"
      hideControls
      value={typed ?? value}
      onChange={setTyped}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}
