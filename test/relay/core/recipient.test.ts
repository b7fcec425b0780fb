/** May this recipient be reached: client × sender × recipient, every row of the table and the rows that must not fit. */

import { describe, expect, it } from 'vitest';
import { sharedDomain, tenantRoute } from '../../support/relay-config.ts';
import { decide, directory, JOHN, rule } from './recipient-question.ts';

describe('decideRecipient', () => {
  const plain = directory();
  const catchAll = rule({
    name: 'all',
    tenantRoute: 'tenant2',
    domains: [
      {
        internal: 'tenant2.example',
        external: 'shared.example',
        includeSubdomains: false,
        direction: 'Both',
        exceptions: [],
      },
    ],
  });
  const withDomainRule = directory({ rewriteRules: [JOHN, catchAll] });
  const named = directory({
    sharedDomains: [sharedDomain({ postmaster: 'admin@tenant2.example', abuse: 'john@shared.example' })],
  });
  const noPostmaster = directory({ fleet: { postmaster: undefined } });
  const authority = directory({
    sharedDomains: [sharedDomain({ unresolvedRecipients: { action: 'Route', tenantRoute: 'tenant2' } })],
  });
  const discover = directory({
    sharedDomains: [sharedDomain({ unresolvedRecipients: { action: 'Discover', order: ['tenant2', 'tenant1'] } })],
  });
  const lost = directory({ sharedDomains: [sharedDomain({ postmaster: 'nobody@shared.example' })] });
  const open = directory({
    tenantRoutes: [tenantRoute('tenant1', { fromInternet: 'Accept' }), tenantRoute('tenant2')],
  });
  const byMx = directory({
    fleet: { outbound: { route: 'MX', addressFamily: 'Any', dnsServers: [], egressCIDRs: [] } },
  });
  const tlsOnly = directory({ sharedDomains: [sharedDomain({ inboundTlsRequired: true })] });
  const held = directory({
    held: {
      domains: ['gone.example'],
      addresses: ['lost@shared.example', 'lost@tenant1.example', 'john@shared.example'],
      unresolvedOf: ['shared.example'],
    },
  });
  const unreadable = directory({ held: { unreadableTenantDomains: ['tenant1.example'] } });
  const noWayOut = directory({ held: { outbound: true } });
  const audit = directory({ rewriteRules: [{ ...JOHN, mode: 'Audit' }] });

  it.each([
    // a shared address that a rule resolves
    ['rule', plain, 'internet', 'john@shared.example', 'Rule tenant1 john@tenant1.example'],
    ['rule, any case', plain, 'internet', 'JOHN@Shared.Example', 'Rule tenant1 john@tenant1.example'],
    [
      'rule with its tag put back',
      plain,
      'internet',
      'john+news@shared.example',
      'Rule tenant1 john+news@tenant1.example',
    ],
    ['an alias', plain, 'internet', 'sales@shared.example', 'Rule tenant1 john@tenant1.example'],
    ['between tenants', plain, 'tenant2', 'john@shared.example', 'Rule tenant1 john@tenant1.example'],
    ['its own tenant, resolved', plain, 'tenant1', 'john@shared.example', 'Rule tenant1 john@tenant1.example'],
    ['the closest rule', withDomainRule, 'internet', 'john@shared.example', 'Rule tenant1 john@tenant1.example'],
    [
      'a domain rule keeps the spelling',
      withDomainRule,
      'internet',
      'Mary.X@shared.example',
      'Rule tenant2 Mary.X@tenant2.example',
    ],
    ['a rule in Audit resolves nothing', audit, 'internet', 'john@shared.example', '550 5.1.1'],
    // unresolved
    ['unresolved, Reject', plain, 'internet', 'nobody@shared.example', '550 5.1.1'],
    ['unresolved, Reject, for a tenant', plain, 'tenant1', 'nobody@shared.example', '550 5.1.1'],
    ['unresolved, Route', authority, 'internet', 'Nobody@shared.example', 'Authority tenant2 Nobody@shared.example'],
    [
      'unresolved, Route, other tenant',
      authority,
      'tenant1',
      'nobody@shared.example',
      'Authority tenant2 nobody@shared.example',
    ],
    ['never back to where it came from', authority, 'tenant2', 'nobody@shared.example', '550 5.1.1'],
    [
      'unresolved, Discover',
      discover,
      'internet',
      'Nobody@shared.example',
      'Discover Nobody@tenant2.example, Nobody@tenant1.example',
    ],
    [
      'Discover asks the tenant it came from too',
      discover,
      'tenant2',
      'nobody@shared.example',
      'Discover nobody@tenant2.example, nobody@tenant1.example',
    ],
    // postmaster and abuse
    ['postmaster without a domain', plain, 'internet', 'postmaster', 'Postmaster tenant1 postmaster@tenant1.example'],
    [
      'postmaster of the host',
      plain,
      'internet',
      'PostMaster@relay.shared.example',
      'Postmaster tenant1 postmaster@tenant1.example',
    ],
    [
      'postmaster of the domain',
      named,
      'internet',
      'postmaster@shared.example',
      'Postmaster tenant2 admin@tenant2.example',
    ],
    [
      'abuse, named by a shared address',
      named,
      'internet',
      'abuse@shared.example',
      'Postmaster tenant1 john@tenant1.example',
    ],
    [
      'abuse falls back to the fleet',
      plain,
      'internet',
      'abuse@shared.example',
      'Postmaster tenant1 postmaster@tenant1.example',
    ],
    [
      'a domain rule does not swallow postmaster',
      withDomainRule,
      'internet',
      'postmaster@shared.example',
      'Postmaster tenant1 postmaster@tenant1.example',
    ],
    ['a postmaster whom no rule resolves', lost, 'internet', 'postmaster@shared.example', '451 4.3.5'],
    ['nobody reads postmaster: never a bounce', noPostmaster, 'internet', 'postmaster@shared.example', '451 4.3.5'],
    ['postmaster of a foreign domain', plain, 'internet', 'postmaster@world.example', '550 5.7.1'],
    // routing domains and the rest
    [
      'a tenant to a routing domain',
      plain,
      'tenant1',
      'Mary@tenant2.example',
      'RoutingDomain tenant2 Mary@tenant2.example',
    ],
    ['the internet to a routing domain', plain, 'internet', 'mary@tenant2.example', '550 5.7.1'],
    [
      'the internet where the route accepts it',
      open,
      'internet',
      'mary@tenant1.example',
      'FromInternet tenant1 mary@tenant1.example',
    ],
    ['a subdomain of a routing domain is foreign', plain, 'internet', 'mary@x.tenant2.example', '550 5.7.1'],
    ['a tenant to the world', plain, 'tenant1', 'Bob@World.example', 'Outbound SmartHost Bob@World.example'],
    [
      'a tenant to the world by MX',
      byMx,
      'tenant1',
      'bob@World.example',
      'Outbound MX world.example bob@World.example',
    ],
    ['a stranger relaying', plain, 'internet', 'bob@world.example', '550 5.7.1'],
    ['a stranger, percent hack', plain, 'internet', 'bob%world.example@relay.shared.example', '550 5.7.1'],
    // TLS
    ['TLS demanded and missing', tlsOnly, 'internet', 'john@shared.example', '530 5.7.0'],
    // left out is not unknown
    ['a held client', plain, 'held', 'bob@world.example', '451 4.3.5'],
    ['a held domain', held, 'internet', 'a@gone.example', '451 4.3.5'],
    ['a held address', held, 'internet', 'lost@shared.example', '451 4.3.5'],
    ['the world, while the smart host is not in force', noWayOut, 'tenant1', 'bob@world.example', '451 4.3.5'],
    [
      'a tenant, while the smart host is not in force',
      noWayOut,
      'tenant1',
      'john@shared.example',
      'Rule tenant1 john@tenant1.example',
    ],
    ['a stranger, while the smart host is not in force', noWayOut, 'internet', 'bob@world.example', '550 5.7.1'],
    ['unresolved while a rule is not in force', held, 'internet', 'nobody@shared.example', '451 4.3.5'],
    [
      'what another rule resolves is never shadowed',
      held,
      'internet',
      'john@shared.example',
      'Rule tenant1 john@tenant1.example',
    ],
  ])('%s', (_name, where, client, to, expected) => {
    expect(decide(where, client, to)).toBe(expected);
  });

  it.each([
    ['a tenant sender of a held domain', held, 'tenant1', 'x@gone.example', '451 4.3.5'],
    ['a held tenant address', held, 'tenant1', 'lost@tenant1.example', '451 4.3.5'],
    ['a stranger with a held domain', held, 'internet', 'x@gone.example', '451 4.3.5'],
    ['a route whose rule cannot be read', unreadable, 'tenant1', 'ann@tenant1.example', '451 4.3.5'],
    [
      'a sender that another rule knows',
      unreadable,
      'tenant1',
      'john@tenant1.example',
      'Rule tenant1 john@tenant1.example',
    ],
    ['the null reverse-path', held, 'tenant1', '', 'Rule tenant1 john@tenant1.example'],
  ])('sender: %s', (_name, where, client, from, expected) => {
    expect(decide(where, client, 'john@shared.example', from)).toBe(expected);
  });

  it('lets mail in over TLS where TLS is demanded', () => {
    expect(decide(tlsOnly, 'internet', 'john@shared.example', '', true)).toBe('Rule tenant1 john@tenant1.example');
  });

  it('finds no way through for a stranger, whatever the sender claims to be', () => {
    const recipients = [
      'bob@world.example',
      'mary@tenant2.example',
      'nobody@shared.example',
      'x@relay.shared.example',
      '"a@b"@c.example',
    ];
    const senders = ['john@tenant1.example', 'john@shared.example', 'postmaster@shared.example', '', 'x@world.example'];
    for (const to of recipients) {
      for (const from of senders) expect(decide(plain, 'internet', to, from), `${from} → ${to}`).toMatch(/^550 5\./);
    }
  });
});
