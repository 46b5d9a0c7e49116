import { Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type RefCallback, useState } from 'react'
import { useAct } from '../act.ts'
import { call, get } from '../api.ts'
import { forgetDrafts } from '../drafts.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { RemoveButton } from '../parts/remove-button.tsx'
import { Badge, Failure, HealthBadge } from '../parts/states.tsx'
import { Why } from '../parts/why.tsx'
import type { ConnectorForm, OperatorLine } from '../types.ts'
import { SettingsForm } from './line-form.tsx'
import { InboundUrl } from './lines.tsx'

interface OperatorLineCardProps {
  line: OperatorLine
  form: ConnectorForm | undefined
  mayGo: RefCallback<HTMLElement>
}

/** A line as the operator sees it. */
export function OperatorLineCard({ line, form, mayGo }: OperatorLineCardProps) {
  const path = `/operator/lines/${encodeURIComponent(line.number)}`
  const { act, busy, error } = useAct()
  const url = useMutation({ mutationFn: () => get<{ inbound_url: string }>(`${path}/inbound-url`) })
  const settings = useSettings(`settings ${line.number}`)
  const fields = form?.settings ?? []
  return (
    <div className="delivery" ref={mayGo}>
      <Group justify="space-between">
        <OperatorLineStanding line={line} />
        <Group gap={6}>
          <Action name="Probe now" line={line} busy={busy('POST')} onClick={() => act('POST', `${path}/probe`)} />
          <Action
            name={line.paused ? 'Go on' : 'Pause'}
            line={line}
            busy={busy('PATCH')}
            onClick={() => act('PATCH', path, { paused: !line.paused })}
          />
          <Action name="Inbound URL" line={line} busy={url.isPending} onClick={() => url.mutate()} />
          {fields.length > 0 && <Action name="Settings" line={line} onClick={settings.toggle} />}
          <RemoveButton what={line.number} busy={busy('DELETE')} onRemove={() => act('DELETE', path)} />
        </Group>
      </Group>
      {line.reason !== null && (
        <Text size="sm" mt={4}>
          <Why reason={line.reason} />
        </Text>
      )}
      {error && <Failure error={error} />}
      {url.isError && <Failure error={url.error} />}
      {url.data && <InboundUrl url={url.data.inbound_url} />}
      {settings.editing && (
        <div ref={mayGo}>
          <SettingsForm
            place={settings.place}
            fields={fields}
            onSubmit={(given) => call('PATCH', path, { settings: given })}
            onDone={settings.done}
          />
        </div>
      )}
    </div>
  )
}

/** Whether the form for a line's settings is open, and what goes with it. */
function useSettings(place: string) {
  const [editing, setEditing] = useState(false)
  return {
    place,
    editing,
    toggle() {
      // Whoever closes the form takes the password in it for gone.
      if (editing) forgetDrafts(`${place} `)
      setEditing(!editing)
    },
    done: () => setEditing(false),
  }
}

function OperatorLineStanding({ line }: { line: OperatorLine }) {
  return (
    <Group gap="xs">
      <Text fw={600}>{line.number}</Text>
      <Text size="sm" c="dimmed">
        {line.connector}
      </Text>
      <HealthBadge status={line.line_status} />
      {line.paused && <Badge tone="waits">paused</Badge>}
    </Group>
  )
}

interface ActionProps {
  name: string
  line: OperatorLine
  busy?: boolean
  onClick: () => void
}

function Action({ name, line, busy = false, onClick }: ActionProps) {
  return (
    <BusyButton
      size="compact-xs"
      variant="default"
      aria-label={`${name}: ${line.number}`}
      busy={busy}
      onClick={onClick}
    >
      {name}
    </BusyButton>
  )
}
