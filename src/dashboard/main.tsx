import '@mantine/core/styles.css'
// Each may overrule what stands in those before it.
import './styles/base.css'
import './styles/frame.css'
import './styles/conversations.css'
import './styles/log.css'
import './styles/phone.css'
import './styles/deliveries.css'
import './styles/overview.css'
import './styles/narrow.css'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queries } from './api.ts'
import { App } from './app.tsx'
import { theme } from './theme.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root')
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
