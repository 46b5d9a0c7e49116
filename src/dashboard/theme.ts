import { createTheme, DEFAULT_THEME, type MantineColorsTuple, PasswordInput } from '@mantine/core'

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

/** The same of Mantine's red. */
const [r0, r1, r2, r3, r4, r5, r6, , , r9] = DEFAULT_THEME.colors.red
const red: MantineColorsTuple = [r0, r1, r2, r3, r4, r5, r6, '#d02525', '#b91c1c', r9]

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 7 },
  colors: { ink, red },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  headings: { fontWeight: '650' },
  components: {
    // What can be shown by a click can be shown by a key.
    PasswordInput: PasswordInput.extend({ defaultProps: { visibilityToggleFocusable: true } }),
  },
})
