import { createTheme, type MantineColorsTuple } from '@mantine/core'

/** A blue that white text can be read on. */
const ink: MantineColorsTuple = [
  '#eaf3ff',
  '#d3e4fb',
  '#a5c7f6',
  '#74a9f1',
  '#4d8fec',
  '#3580e9',
  '#1f6fd8',
  '#0b5fc7',
  '#0052b0',
  '#00438f',
]

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 7 },
  colors: { ink },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  headings: { fontWeight: '650' },
})
