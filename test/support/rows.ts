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

/** What one message leaves behind in each of those once it is read, on one line; of every fiftieth the receipt and the webhook wait. */
export function oneOfAll(n: number): string {
  const [id, contact] = [`an id of the carrier’s, ${n}`, `+1415555${1_000 + n}`]
  return `insert into conversations (account_id, line_id, kind, address) values (1, 1, 'direct', '${contact}');
    insert into seen_inbound (line_id, carrier_message_id, message_ids, seen_at) values (1, '${id}', '[${n}]', ${n});
    insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, service, reaction, sent_at,
      received_at) values (1, 1, ${n}, '${id}', 0, '${contact}', 'iMessage', 0, ${n}, ${n});
    insert into handset_messages (line_id, contact, kind, conversation_address, carrier_message_id, part, service, written_at)
      values (1, '${contact}', 'direct', '${contact}', '${id}', 0, 'iMessage', ${n});
    update handset_messages set read_at = ${n} where carrier_message_id = '${id}';
    insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
      values (1, 1, ${n}, 'api', 1, ${n}, ${n}, ${n});
    update receipts set state = 'sent', settled_at = ${n}, next_attempt_at = null where conversation_id = ${n} and ${n} % 50 > 0;
    insert into events (account_id, line_id, type, event, at) values (1, 1, 'message.received', '{}', ${n});
    insert into webhook_deliveries (account_id, webhook_id, event_id, state, next_attempt_at, created_at)
      values (1, 1, ${n}, 'waiting', ${n}, ${n});
    update webhook_deliveries set state = 'delivered', next_attempt_at = null where event_id = ${n} and ${n} % 50 > 0`
}
