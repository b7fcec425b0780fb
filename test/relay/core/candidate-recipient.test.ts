/** What every customer of Exchange Online may ask for before it has proven to be one of ours. */

import { describe, expect, it } from 'vitest';
import { sharedDomain, tenantRoute } from '../../support/relay-config.ts';
import { decide, directory } from './recipient-question.ts';

describe('decideRecipient for a candidate', () => {
  const plain = directory();
  const authority = directory({
    sharedDomains: [sharedDomain({ unresolvedRecipients: { action: 'Route', tenantRoute: 'tenant1' } })],
  });
  const discover = directory({
    sharedDomains: [sharedDomain({ unresolvedRecipients: { action: 'Discover', order: ['tenant1', 'tenant2'] } })],
  });
  const open = directory({
    tenantRoutes: [tenantRoute('tenant1', { fromInternet: 'Accept' }), tenantRoute('tenant2')],
  });
  const byMx = directory({
    fleet: { outbound: { route: 'MX', addressFamily: 'Any', dnsServers: [], egressCIDRs: [] } },
  });
  const held = directory({
    held: { domains: ['gone.example'], addresses: ['lost@tenant1.example'], unresolvedOf: ['shared.example'] },
  });
  const noWayOut = directory({ held: { outbound: true } });

  it.each([
    // as the internet's
    ['a rule resolves it', plain, 'john@shared.example', 'Rule tenant1 john@tenant1.example'],
    ['postmaster', plain, 'postmaster@shared.example', 'Postmaster tenant1 postmaster@tenant1.example'],
    ['unresolved, Reject', plain, 'nobody@shared.example', '550 5.1.1'],
    ['unresolved, Route', authority, 'nobody@shared.example', 'Authority tenant1 nobody@shared.example'],
    ['unresolved, Discover', discover, 'x@shared.example', 'Discover x@tenant1.example, x@tenant2.example'],
    ['where the route takes the internet', open, 'x@tenant1.example', 'FromInternet tenant1 x@tenant1.example'],
    // provisional
    ['elsewhere', plain, 'Bob@World.example', 'Provisional Outbound SmartHost Bob@World.example'],
    ['elsewhere by MX', byMx, 'bob@World.example', 'Provisional Outbound MX world.example bob@World.example'],
    ['a routing domain', plain, 'x@tenant2.example', 'Provisional RoutingDomain tenant2 x@tenant2.example'],
    [
      'a routing domain beside an open one',
      open,
      'x@tenant2.example',
      'Provisional RoutingDomain tenant2 x@tenant2.example',
    ],
    // held
    ['a held domain', held, 'x@gone.example', '451 4.3.5'],
    ['a held address', held, 'lost@tenant1.example', '451 4.3.5'],
    ['unresolved while a rule is not in force', held, 'nobody@shared.example', '451 4.3.5'],
    ['elsewhere without a way out', noWayOut, 'bob@world.example', '451 4.3.5'],
  ])('%s', (_name, where, to, expected) => {
    for (const from of ['x@world.example', 'john@tenant1.example', 'john@shared.example', '']) {
      expect(decide(where, 'candidate', to, from, true), from).toBe(expected);
    }
  });

  it('of a held domain waits', () => {
    expect(decide(held, 'candidate', 'john@shared.example', 'x@gone.example', true)).toBe('451 4.3.5');
  });
});
