import type { Receipt, ReceiptState, Timing } from './types.ts'

const MINUTES = formats({ hour: '2-digit', minute: '2-digit' })
const SECONDS = formats({ hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** Within it a day and a month say which they are. */
const HALF_A_YEAR_MS = 182 * 86_400_000

function formats(time: Intl.DateTimeFormatOptions) {
  const day = { day: 'numeric', month: 'short', ...time } as const
  return {
    today: new Intl.DateTimeFormat(undefined, time),
    lately: new Intl.DateTimeFormat(undefined, day),
    longAgo: new Intl.DateTimeFormat(undefined, { year: 'numeric', ...day }),
  }
}

/** As short as it can be understood, in the reader's own time. */
export function localTime(at: string): string {
  return format(at, MINUTES)
}

export function exactTime(at: string): string {
  return format(at, SECONDS)
}

function format(at: string, { today, lately, longAgo }: ReturnType<typeof formats>): string {
  const [date, now] = [new Date(at), new Date()]
  if (date.toDateString() === now.toDateString()) return today.format(date)
  return (Math.abs(now.getTime() - date.getTime()) < HALF_A_YEAR_MS ? lately : longAgo).format(date)
}

export function utcTime(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.round(ms / 60_000)} min`
}

export const TRIGGERS: Readonly<Record<Receipt['trigger'], string>> = {
  api: 'by a call',
  auto: 'by itself',
  dashboard: 'from the dashboard',
}

export const STATES: Readonly<Record<ReceiptState, string>> = {
  queued: 'queued',
  sending: 'on its way',
  sent: 'sent',
  skipped: 'skipped',
  failed: 'failed',
  expired: 'expired',
}

export const STATE_TONES = {
  queued: 'waits',
  sending: 'waits',
  sent: 'good',
  skipped: 'quiet',
  failed: 'bad',
  expired: 'bad',
} as const satisfies Record<ReceiptState, string>

/** Why a message did not ask for a receipt by itself. */
const AUTO_REASONS: Readonly<Record<string, string>> = {
  account_disabled: 'this account is disabled',
  off: 'auto mark-read was off',
  read_receipts_not_enabled: 'read receipts are not enabled for this account',
  plan: 'the plan does not include auto mark-read',
  service: 'only iMessages are marked by themselves',
  group: 'no receipt goes to a group',
  not_first_part: 'the first part of the message speaks for it',
  too_old: 'the message was too old when it arrived',
}

export function autoReason(word: string): string {
  return AUTO_REASONS[word] ?? word
}

/** A reason's word, made readable: the meaning stands beside it wherever there is room. */
export function plain(word: string): string {
  return word.replaceAll('_', ' ')
}

export function timingInWords(timing: Timing): string {
  switch (timing.mode) {
    case 'on_arrival':
      return 'as the message arrives'
    case 'after':
      return `${timing.delay_s} s later${timing.jitter_s > 0 ? `, and up to ${timing.jitter_s} s more` : ''}`
    case 'on_reply':
      return 'with your reply'
  }
}

/** What comes back into where one types, before what was typed since. */
export function joinTexts(first: string, second: string): string {
  return [first, second].filter((text) => text !== '').join('\n')
}
