/** Whose minute a message counts for. */

import { describe, expect, it } from 'vitest';
import { type ClientIdentity, INTERNET } from '../../../relay/core/source.ts';
import { MessageRate, takesMessage } from '../../../relay/transaction/message-rate.ts';
import { relayConfig, tenantRoute } from '../../support/relay-config.ts';

const { limits } = relayConfig({
  limits: { messagesPerMinutePerClient: 2, connections: 60, connectionsPerClient: 20 },
}).fleet;
const ONE: ClientIdentity = { kind: 'Tenant', route: tenantRoute('tenant1') };
const TWO: ClientIdentity = { kind: 'Tenant', route: tenantRoute('tenant2') };
const claim = { route: undefined, tenantId: '1', organizations: [] };
const EXCHANGE: ClientIdentity = { kind: 'Candidate', claims: [{ ...claim, verified: true }] };
const PERHAPS: ClientIdentity = { kind: 'Candidate', claims: [{ ...claim, verified: false }] };

/** How many of ten messages pass, each from the next address. */
function passing(client: ClientIdentity, addresses: readonly string[], rate = new MessageRate(() => 0)): number {
  const tries = Array.from({ length: 10 }, (_, at) => addresses[at % addresses.length] ?? '');
  return tries.filter((address) => takesMessage(rate, client, address, limits)).length;
}

describe('takesMessage', () => {
  it.each([
    ['an address of the internet', INTERNET, ['192.0.2.1'], 2],
    ['several addresses of the internet', INTERNET, ['192.0.2.1', '192.0.2.2'], 4],
    ['one customer with many IPv6 addresses', INTERNET, ['2001:db8::1', '2001:db8::2'], 2],
    ['a tenant, from wherever', ONE, ['192.0.2.1', '192.0.2.2'], 2],
    ['all of Exchange Online', EXCHANGE, ['192.0.2.1', '192.0.2.2'], 6],
    ['what only says that it is Exchange Online', PERHAPS, ['192.0.2.1'], 2],
    ['a held client', { kind: 'Held' }, ['192.0.2.1'], 2],
  ] satisfies [string, ClientIdentity, string[], number][])('%s', (_name, client, addresses, expected) => {
    expect(passing(client, addresses)).toBe(expected);
  });

  it('counts tenants apart, and anew every minute', () => {
    let now = 0;
    const rate = new MessageRate(() => now);
    expect([passing(ONE, ['a'], rate), passing(TWO, ['a'], rate), passing(ONE, ['a'], rate)]).toEqual([2, 2, 0]);
    now = 60_000;
    expect(passing(ONE, ['a'], rate)).toBe(2);
  });
});
