import recorded from '../fixtures/bluebubbles/macos15-rest.json' with { type: 'json' }
import type { Answer } from './carrier.ts'

/** Answers of BlueBubbles 1.9.9; those that `recorded` lacks are as its code and `recorded` have it. */
export const ANSWERS = {
  ...recorded,
  'private-api-off': {
    status: 500,
    body: {
      ...recorded['helper-disconnected'].body,
      error: { type: 'iMessage Error', message: 'iMessage Private API is not enabled!' },
    },
  },
  'timed-out': {
    status: 504,
    body: {
      status: 504,
      message: 'The server took too long to response!',
      error: { type: 'Gateway Timeout', message: 'Gateway Timeout' },
    },
  },
  'no-webhook': {
    status: 404,
    body: { ...recorded['unknown-chat'].body, error: { type: 'Database Error', message: 'Webhook does not exist!' } },
  },
  'unknown-route': { status: 404, body: 'Not Found' },
  // Of `imessage-rs`, as its code has them.
  'other-method': { status: 405, body: '', headers: { allow: 'GET,HEAD' } },
  'other-helper-disconnected': {
    status: 500,
    body: {
      ...recorded['helper-disconnected'].body,
      error: { type: 'iMessage Error', message: 'Private API helper is not connected' },
    },
  },
} as const satisfies Record<string, Answer>

export function success(message: string, data?: unknown): Answer {
  return { status: 200, body: { status: 200, message, ...(data === undefined ? {} : { data }) } }
}

export function infoOf({ privateApi, helperConnected }: { privateApi: boolean; helperConnected: boolean }): Answer {
  return success('Success', { os_version: '15.5', private_api: privateApi, helper_connected: helperConnected })
}
