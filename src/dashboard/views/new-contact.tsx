import { Menu } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useLocation } from 'wouter'
import { get } from '../api.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { Icon } from '../parts/icons.tsx'
import { newWriting, write } from '../phone.ts'

const NEW = [
  { name: 'New contact (iMessage)', service: 'iMessage' },
  { name: 'New contact (RCS)', service: 'RCS' },
  { name: 'New contact (SMS)', service: 'SMS' },
  { name: 'New group', service: 'iMessage', group: true },
] as const

/** Somebody new writes to a simulated line, and is shown to whoever is still where they asked for it. */
export function useNewContact(line: string | undefined) {
  const [, navigate] = useLocation()
  return useMutation({
    mutationFn: async (kind: (typeof NEW)[number]) => {
      const handle = await write(newWriting(line ?? '', kind.service, 'group' in kind))
      return get<{ message: { conversation_id: string } }>(`/messages/${handle}`)
    },
    onMutate: () => location.pathname,
    onSuccess({ message }, _kind, asked) {
      if (asked === location.pathname) navigate(`/conversations/${message.conversation_id}`)
    },
  })
}

export function NewContact({ start }: { start: ReturnType<typeof useNewContact> }) {
  return (
    <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <BusyButton
          size="sm"
          px={10}
          variant="default"
          busy={start.isPending}
          aria-label="A new contact writes"
          title="A new contact writes"
        >
          <Icon name="plus" size={16} />
        </BusyButton>
      </Menu.Target>
      <Menu.Dropdown>
        {NEW.map((kind) => (
          <Menu.Item key={kind.name} onClick={() => start.mutate(kind)}>
            {kind.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
