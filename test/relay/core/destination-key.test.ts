/** What makes two recipients one delivery. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../../relay/core/directory.ts';
import { decideRecipient, destinationKey } from '../../../relay/core/recipient.ts';
import { clientOf, directory, JOHN, path } from './recipient-question.ts';

describe('destinationKey', () => {
  const keyOf = (where: Directory, to: string) => {
    const decision = decideRecipient(where, {
      client: clientOf(where, 'tenant1'),
      tls: true,
      reversePath: path('john@tenant1.example'),
      forwardPath: path(to),
    });
    return decision.action === 'Accept' ? destinationKey(where, decision) : 'refused';
  };

  it('is one for one smart host, and one a domain for MX', () => {
    const smart = directory();
    expect(keyOf(smart, 'a@one.example')).toBe(keyOf(smart, 'b@two.example'));
    const mx = directory({
      fleet: { outbound: { route: 'MX', addressFamily: 'Any', dnsServers: [], egressCIDRs: [] } },
    });
    expect(keyOf(mx, 'a@one.example')).toBe(keyOf(mx, 'b@one.example'));
    expect(keyOf(mx, 'a@one.example')).not.toBe(keyOf(mx, 'b@two.example'));
  });

  it('tells recipients apart for whom other rules apply', () => {
    const partial = directory({ rewriteRules: [{ ...JOHN, onlyTo: ['partner.example'] }] });
    expect(keyOf(partial, 'a@partner.example')).not.toBe(keyOf(partial, 'b@two.example'));
    expect(keyOf(partial, 'a@one.example')).toBe(keyOf(partial, 'b@two.example'));
  });
});
