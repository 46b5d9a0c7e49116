/** So many conversations' receipts, none of them open. */
export function settled(count: number): string {
  return `insert into receipts (account_id, line_id, conversation_id, state, trigger, requests, requested_at, expires_at, settled_at)
    select 1, 1 + n % 100, n, 'sent', 'api', 1, n, n, n from generate_series(1, ${count}) as k (n)`
}

/** So many receipts of one line that wait, in another order than they are due. */
export function waiting(count: number): string {
  return `insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
    select 1, 1, -n - ${count}, 'api', 1, n, 1 + n * 7919 % 100003, 1000000 from generate_series(1, ${count}) as k (n)`
}

/** So many of one line's, sent or to be sent. */
export function messages(count: number, dueAt: number | null): string {
  return `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, service, reaction, sent_at,
      received_at, outbound, status, next_attempt_at)
    select 1, 1, n, n, 0, '', 'iMessage', 0, n, n, 1, '${dueAt === null ? 'SENT' : 'QUEUED'}', ${dueAt}::bigint
    from generate_series(1, ${count}) as k (n)`
}

/** So many of one line. */
export function events(count: number): string {
  return `insert into events (account_id, line_id, type, event, at)
    select 1, 1, 'message.received', '{}', n from generate_series(1, ${count}) as k (n)`
}

/** So many to one endpoint. */
export function deliveries(count: number, dueAt: number | null): string {
  return `insert into webhook_deliveries (account_id, webhook_id, event_id, state, next_attempt_at, created_at)
    select 1, 1, n, '${dueAt === null ? 'delivered' : 'waiting'}', ${dueAt}::bigint, n from generate_series(1, ${count}) as k (n)`
}

/** So many in each table in which the statements that a connection keeps look rows up. */
export function someOfAll(count: number): string {
  return `insert into conversations (account_id, line_id, kind, address)
      select 1, 1, 'direct', n from generate_series(1, ${count}) as k (n);
    insert into seen_inbound (line_id, carrier_message_id, message_ids, seen_at)
      select 1, n, '[1]', n from generate_series(1, ${count}) as k (n);
    insert into handset_messages (line_id, contact, kind, conversation_address, carrier_message_id, part, service, written_at)
      select 1, n, 'direct', n, n, 0, 'iMessage', n from generate_series(1, ${count}) as k (n);
    ${settled(count)}; ${messages(count, null)}; ${deliveries(count, null)}; ${events(count)}`
}
