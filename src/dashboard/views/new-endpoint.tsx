import { Group, NativeSelect, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { call, refresh } from '../api.ts'
import { forgetSent, useTyped } from '../drafts.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Failure } from '../parts/states.tsx'

export function NewEndpoint() {
  const [url, type, secret] = [useTyped('endpoint url'), useTyped('endpoint type'), useTyped('endpoint secret')]
  const add = useMutation({
    mutationFn: ({ type, ...endpoint }: Record<string, string>) =>
      call('POST', '/api/account/webhooks', { webhooks: [endpoint], type }),
    onSuccess(_answer, sent) {
      for (const [name, value] of Object.entries(sent)) forgetSent(`endpoint ${name}`, value)
    },
    onSettled: refresh,
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const given = [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()] as const)
    add.mutate(Object.fromEntries(given.filter(([, value]) => value !== '')))
  }
  return (
    <>
      <form onSubmit={submit}>
        <Group align="flex-end" mt="md" gap="sm">
          <TextInput
            flex={2}
            miw={220}
            name="url"
            label="URL"
            required
            placeholder="https://example.com/hook"
            {...url}
          />
          <NativeSelect name="type" label="For" data={TYPES} {...type} />
          <TextInput flex={1} miw={160} name="secret" label="Its own secret (optional)" {...secret} />
          <BusyButton type="submit" busy={add.isPending}>
            Add
          </BusyButton>
        </Group>
      </form>
      {add.isError && <Failure error={add.error} />}
    </>
  )
}

const TYPES = [
  { value: 'receive', label: 'receive: a contact writes' },
  { value: 'read_receipt', label: 'read_receipt: a receipt ended' },
]
