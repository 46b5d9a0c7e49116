import { Component, type ReactNode } from 'react'
import { Failure } from './states.tsx'

const LOST = new Error('This cannot be shown: the server may be newer than this page.')

/** Says what cannot be shown in its own place, and leaves all around it as it is. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    return this.state.broken ? <Failure error={LOST} again={reload} /> : this.props.children
  }
}

/** Unless the server is still away: a page that is gone could not be loaded again by itself. */
async function reload() {
  await fetch('/healthz').then(
    () => location.reload(),
    () => undefined,
  )
}
