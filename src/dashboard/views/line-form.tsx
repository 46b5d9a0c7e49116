import { Button, Group, NativeSelect, PasswordInput, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef } from 'react'
import { refresh } from '../api.ts'
import { forgetDrafts, useTyped } from '../drafts.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Failure } from '../parts/states.tsx'
import type { ConnectorForm } from '../types.ts'

type Field = ConnectorForm['settings'][number]
type Settings = Readonly<Record<string, unknown>>

interface LineFormProps {
  /** Where what is typed is kept. */
  place: string
  forms: ConnectorForm[]
  onSubmit: (draft: { number: string; connector: string; settings: Settings }) => Promise<unknown>
  onDone: () => void
}

/** A new line, with the settings that its connector asks for. */
export function LineForm({ place, forms, onSubmit, onDone }: LineFormProps) {
  const first = useRef<HTMLInputElement>(null)
  // What was pressed to come here is gone.
  useEffect(() => first.current?.focus(), [])
  const [number, chosen] = [useTyped(`${place} number`), useTyped(`${place} connector`)]
  const connector = chosen.value || (forms[0]?.connector ?? '')
  const fields = forms.find((form) => form.connector === connector)?.settings ?? []
  const create = useSubmit(
    place,
    (given) => onSubmit({ number: String(given.get('number')), connector, settings: settingsOf(given, fields) }),
    onDone,
  )
  return (
    <form className="receipt" onSubmit={create.submit} aria-label="A new line">
      <Stack gap="sm">
        <Group align="flex-start">
          <TextInput
            ref={first}
            flex="1 1 160px"
            size="sm"
            name="number"
            label="Number"
            placeholder="+14155550100"
            required
            {...number}
          />
          <NativeSelect
            flex="1 1 160px"
            size="sm"
            label="Connector"
            data={forms.map((form) => form.connector)}
            {...chosen}
            value={connector}
          />
        </Group>
        <SettingFields key={connector} place={`${place} ${connector}`} fields={fields} />
        {create.error && <Failure error={create.error} />}
        <Buttons submit="Add the line" pending={create.pending} onDone={create.done} />
      </Stack>
    </form>
  )
}

interface SettingsFormProps {
  place: string
  fields: Field[]
  onSubmit: (settings: Settings) => Promise<unknown>
  onDone: () => void
}

/** Other settings for a line that is there. They are given whole, since none of them ever comes out. */
export function SettingsForm({ place, fields, onSubmit, onDone }: SettingsFormProps) {
  const change = useSubmit(place, (given) => onSubmit(settingsOf(given, fields)), onDone)
  return (
    <form onSubmit={change.submit}>
      <Stack gap="sm" mt="sm">
        <Text size="xs" c="dimmed">
          Settings go in and never come out, so all of them are asked for again.
        </Text>
        <SettingFields place={place} fields={fields} />
        {change.error && <Failure error={change.error} />}
        <Buttons submit="Change the settings" pending={change.pending} onDone={change.done} />
      </Stack>
    </form>
  )
}

function SettingFields({ place, fields }: { place: string; fields: Field[] }) {
  return fields.map((field) => <SettingField key={field.name} place={place} field={field} />)
}

function SettingField({ place, field }: { place: string; field: Field }) {
  const { name, label, optional, secret, json, options } = field
  const typed = useTyped(`${place} ${name}`)
  const shown = optional ? `${label} (optional)` : label
  const common = { name, size: 'sm', label: shown, required: !optional, ...typed } as const
  if (options) return <NativeSelect {...common} data={['', ...options]} />
  if (json) return <Textarea {...common} rows={5} placeholder="{ … }" />
  return secret ? <PasswordInput {...common} autoComplete="off" /> : <TextInput {...common} />
}

function Buttons({ submit, pending, onDone }: { submit: string; pending: boolean; onDone: () => void }) {
  return (
    <Group gap="xs">
      <BusyButton size="xs" type="submit" busy={pending}>
        {submit}
      </BusyButton>
      <Button size="xs" variant="default" onClick={onDone}>
        Cancel
      </Button>
    </Group>
  )
}

function useSubmit(place: string, send: (given: FormData) => Promise<unknown>, onDone: () => void) {
  const done = () => {
    forgetDrafts(`${place} `)
    onDone()
  }
  const mutation = useMutation({ mutationFn: send, onSettled: refresh })
  return {
    done,
    error: mutation.error,
    pending: mutation.isPending,
    submit(event: FormEvent<HTMLFormElement>) {
      event.preventDefault()
      // Said here, it holds while this form is there: of one that was cancelled, the next has begun in its place.
      mutation.mutate(new FormData(event.currentTarget), { onSuccess: done })
    },
  }
}

/** What was left empty is left out. JSON that is none goes as the text it is: the server says what is wrong with it. */
function settingsOf(given: FormData, fields: Field[]): Settings {
  const entries = fields.map(
    ({ name, json }) => [name, json ? parsed(String(given.get(name))) : given.get(name)] as const,
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== '' && value !== null))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
