/**
 * Why a receipt or a message did not go out, or a line is not ONLINE. Every such word there is, with its meaning and what to do: the API,
 * the logs and the documentation take them from here. A word, once released, never changes its meaning.
 */
export const REASONS = {
  sms: {
    meaning: 'What is unread came by SMS, which carries no read receipts.',
    remedy: 'Nothing to do: the contact has to write by iMessage or RCS.',
  },
  no_conversation: {
    meaning: 'The carrier knows no conversation with that number.',
    remedy: 'Wait until the contact has written to the line.',
  },
  service_not_supported: {
    meaning: "The line's connector can send no read receipt for this conversation's service.",
    remedy: 'Move the line to a connector that can; the README has a table.',
  },
  line_removed: {
    meaning: 'The line was deleted before its turn came.',
    remedy: 'Nothing to do.',
  },
  line_paused: {
    meaning: 'The operator paused the line.',
    remedy: 'PATCH /operator/lines/{number} with {"paused": false}.',
  },
  pace: {
    meaning: "The line's carrier takes so many receipts a second and there were more.",
    remedy: 'Mark fewer conversations as read, or spread contacts over more lines.',
  },
  server_away: {
    meaning: 'No server looked after the line while there was time: none ran, or its store was away.',
    remedy: 'Keep a server and its store up; GET /readyz says whether they are.',
  },
  awaiting_reply: {
    meaning: 'Receipts go with the reply (auto_mark_read_timing is on_reply), and there was none yet.',
    remedy: 'Reply, or call POST /api/mark-read; PATCH /readback/v1/settings for another timing.',
  },
  outcome_unknown: {
    meaning: 'The carrier was asked to send the message and did not say what became of it: it may have been sent.',
    remedy: 'Look whether it arrived before you send it again; it is not sent twice by itself.',
  },
  interrupted: {
    meaning: 'This server ended while the carrier was asked to send the message: it may have been sent.',
    remedy: 'Look whether it arrived before you send it again; it is not sent twice by itself.',
  },
  media_not_fetched: {
    meaning: 'What media_url leads to could not be fetched, is empty, or is larger than 100 MB.',
    remedy: 'Check that the URL answers 200 to anybody, then send the message again.',
  },
  typing_not_supported: {
    meaning: "The line's connector cannot show that somebody types.",
    remedy: 'Move the line to a connector that can; the README has a table.',
  },
  rejected: {
    meaning: 'The carrier understood the request and refused it.',
    remedy:
      "Look in the server's log for what the carrier answered; of its answer to a message only the status is told there.",
  },
  unreachable: {
    meaning: 'No connection to the carrier could be made, or it broke.',
    remedy: "Check that the carrier's host is up and the line's url is right.",
  },
  timeout: {
    meaning: 'The carrier did not answer in time.',
    remedy: 'Check the carrier; READBACK_CARRIER_TIMEOUT_S says how long is waited.',
  },
  carrier_error: {
    meaning: 'The carrier answered with an error of its own, or with something that was not an answer.',
    remedy: "Look in the carrier's log, and in that of a proxy before it.",
  },
  rate_limited: {
    meaning: 'The carrier asked us to slow down.',
    remedy: 'Nothing to do: it is tried again when the carrier allows it.',
  },
  wrong_password: {
    meaning: "The carrier does not accept the line's password or key.",
    remedy: 'PATCH /operator/lines/{number} with the right settings.',
  },
  private_api_off: {
    meaning: "BlueBubbles' Private API is switched off on the Mac, and only it can mark as read.",
    remedy: 'Switch it on in BlueBubbles, under Settings, Private API.',
  },
  group: {
    meaning: "The conversation is with a group, and the line's carrier takes receipts for single contacts alone.",
    remedy: 'Nothing to do.',
  },
  not_registered: {
    meaning: "The line's number is not one of the account's at the carrier.",
    remedy: 'Check the number, and whose account the keys are.',
  },
  relay_loop: {
    meaning: 'The line leads to another line that leads on, and so perhaps back to itself.',
    remedy: "Set the line's base_url to the server where the number lives.",
  },
  unverified: {
    meaning: 'The carrier took the last 20 receipts that could be looked at, and shows none of their messages as read.',
    remedy:
      'On a Mac: open Messages and see that "Send Read Receipts" is on, and that a display (or a dummy) is attached.',
  },
  no_rcs: {
    meaning: 'The contact has no RCS there.',
    remedy: 'Nothing to do: reach the contact by another service.',
  },
  access_denied: {
    meaning: 'The carrier knows the key but does not let it do this.',
    remedy: "Give the line's key or service account the right to use the agent or number.",
  },
  clock_off: {
    meaning: "This machine's clock differs from the carrier's by minutes, so the carrier refuses what it signs.",
    remedy: "Set this machine's clock; let NTP keep it.",
  },
  helper_disconnected: {
    meaning: "BlueBubbles' helper is not connected to Messages on the Mac.",
    remedy: 'Open Messages on the Mac, or restart BlueBubbles; see its Private API guide.',
  },
} as const satisfies Record<string, { meaning: string; remedy: string }>

export type Reason = keyof typeof REASONS
