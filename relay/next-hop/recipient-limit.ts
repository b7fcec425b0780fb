/** How many recipients a next hop takes in one transaction. */

import type { Connection } from './connection.ts';

/** Exchange Online takes no more recipients a transaction from outside without counting them against the tenant. */
const EXCHANGE_ONLINE = /\.(?:mail\.protection\.outlook\.com|mx\.microsoft)\.?$/i;
const EXCHANGE_ONLINE_RECIPIENTS = 200;

export function recipientLimit(connection: Connection): number {
  const offered = connection.extensions.recipientLimit ?? Infinity;
  return EXCHANGE_ONLINE.test(connection.host) ? Math.min(offered, EXCHANGE_ONLINE_RECIPIENTS) : offered;
}
