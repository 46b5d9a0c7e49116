import { Group, NativeSelect, Select, Stack, TextInput } from '@mantine/core'
import { Icon } from '../parts/icons.tsx'
import { Failure } from '../parts/states.tsx'
import type { LineState } from '../types.ts'
import { NewContact, useNewContact } from './new-contact.tsx'

/** What is looked for; an empty word looks for any. */
export interface Looking {
  search: string
  from_number: string
  service: string
  state: string
}

interface ConversationFiltersProps {
  looking: Looking
  onChange: (looking: Looking) => void
  lines: LineState[]
}

export function ConversationFilters({ looking, onChange, lines }: ConversationFiltersProps) {
  const simulated = lines.find(
    ({ connector, number }) => connector === 'simulator' && (looking.from_number || number) === number,
  )
  const start = useNewContact(simulated?.number)
  return (
    <Stack gap={8} p="sm" className="list-head">
      <Group gap={8} wrap="nowrap">
        <TextInput
          flex={1}
          size="sm"
          aria-label="Search by number"
          placeholder="Search by number"
          leftSection={<Icon name="search" size={15} />}
          value={looking.search}
          onChange={(event) => onChange({ ...looking, search: event.currentTarget.value })}
        />
        {simulated && <NewContact start={start} />}
      </Group>
      {start.isError && <Failure error={start.error} onClose={start.reset} />}
      {/* Beside the others there is no room for a number. One that was removed is looked for still. */}
      <LineFilter
        value={looking.from_number}
        lines={[...new Set([...lines.map(({ number }) => number), looking.from_number])].filter(Boolean)}
        onChange={(from_number) => onChange({ ...looking, from_number })}
      />
      <Group gap={6} wrap="nowrap" grow>
        <Filter
          label="Service"
          value={looking.service}
          options={['iMessage', 'RCS', 'SMS'].map((service) => [service, service])}
          onChange={(service) => onChange({ ...looking, service })}
        />
        <Filter
          label="State"
          value={looking.state}
          options={STATE_FILTERS}
          onChange={(state) => onChange({ ...looking, state })}
        />
      </Group>
    </Stack>
  )
}

const STATE_FILTERS = [
  ['unread', 'Unread'],
  ['read', 'Read'],
  ['waiting', 'Receipt waits'],
  ['failed', 'Receipt did not go'],
]

interface FilterProps {
  label: string
  value: string
  options: (readonly [string, string] | string[])[]
  onChange: (value: string) => void
}

function Filter({ label, value, options, onChange }: FilterProps) {
  return (
    <NativeSelect
      size="xs"
      aria-label={label}
      value={value}
      data={[{ value: '', label }, ...options.map(([word = '', name = '']) => ({ value: word, label: name }))]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

/** Among more lines than that one is found by its digits. */
const MOST_LISTED = 50

interface LineFilterProps {
  value: string
  lines: string[]
  onChange: (value: string) => void
}

function LineFilter({ value, lines, onChange }: LineFilterProps) {
  if (lines.length <= MOST_LISTED)
    return <Filter label="Line" value={value} options={lines.map((line) => [line, line])} onChange={onChange} />
  return (
    <Select
      size="xs"
      aria-label="Line"
      placeholder="Line"
      searchable
      selectFirstOptionOnChange
      // As many as need no scrolling.
      limit={8}
      maxDropdownHeight={300}
      nothingFoundMessage="Nothing matches"
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
      data={lines}
      value={value === '' ? null : value}
      onChange={(line) => onChange(line ?? '')}
      // Emptied it means any line, as where nothing was chosen.
      onSearchChange={(typed) => typed === '' && value !== '' && onChange('')}
    />
  )
}
