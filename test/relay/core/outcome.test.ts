/** Whose fault is a refusal: each row of the table, and its twin that must not be treated so. */

import { describe, expect, it } from 'vitest';
import type { Refusal, Stage, Target } from '../../../relay/core/delivery.ts';
import { genericText, judgeRefusal, tenantText } from '../../../relay/core/outcome.ts';
import { meaningForUs, REFUSALS_OF_US } from '../../../relay/core/refusal-table.ts';
import { formatReply, type Reply, reply } from '../../../relay/core/reply.ts';

const TENANT: Target = { kind: 'TenantRoute', name: 'tenant1' };
const SMART_HOST: Target = { kind: 'SmartHost' };
const MX: Target = { kind: 'MX', domain: 'world.example' };

function refusal(stage: Stage, said?: Reply, verdict?: Reply): Refusal {
  return { stage, reply: said, verdict, cause: 'test' };
}

describe('judgeRefusal', () => {
  const rows: [string, Stage, Reply | undefined, Target, string, boolean][] = [
    // about the recipient, or the content: the same class and enhanced code
    ['unknown user at RCPT', 'rcpt', reply(550, '5.1.1', 'no such user'), TENANT, '550 5.1.1', false],
    ['mailbox full at RCPT', 'rcpt', reply(452, '4.2.2', 'full'), TENANT, '452 4.2.2', false],
    ['no enhanced code at RCPT', 'rcpt', reply(550, undefined, 'nope'), TENANT, '550 5.0.0', false],
    ['classes disagree (RFC 2034)', 'rcpt', reply(450, '5.1.1', 'odd'), TENANT, '450 4.0.0', false],
    ['content refused after the dot', 'content', reply(554, '5.6.0', 'bad content'), TENANT, '554 5.6.0', false],
    ['content deferred after the dot', 'content', reply(451, '4.3.0', 'later'), TENANT, '451 4.3.0', false],
    ['DATA refused', 'data', reply(554, '5.5.1', 'no valid recipients'), TENANT, '554 5.5.1', false],
    ['421 never reaches the client', 'rcpt', reply(421, '4.3.2', 'closing'), TENANT, '451 4.3.2', false],
    // about this relay
    ['refused at connect', 'greeting', reply(554, '5.7.1', 'go away'), TENANT, '451 4.7.0', true],
    ['refused at EHLO', 'ehlo', reply(550, undefined, 'bad name'), TENANT, '451 4.7.0', true],
    ['refused at STARTTLS', 'starttls', reply(554, undefined, 'no'), SMART_HOST, '451 4.7.0', true],
    ['refused at AUTH', 'auth', reply(535, '5.7.8', 'bad password'), SMART_HOST, '451 4.7.0', true],
    ['refused at MAIL by a tenant', 'mail', reply(550, '5.1.8', 'bad sender'), TENANT, '451 4.7.0', true],
    ['refused at MAIL by the smart host', 'mail', reply(553, undefined, 'not yours'), SMART_HOST, '451 4.7.0', true],
    ['no TLS from us', 'rcpt', reply(550, '5.7.3', 'authentication required'), TENANT, '451 4.7.0', true],
    ['tenant attribution', 'rcpt', reply(550, '5.7.64', 'TenantAttribution'), TENANT, '451 4.7.0', true],
    ['inbound attribution', 'rcpt', reply(550, '5.7.51', 'TenantInboundAttribution'), TENANT, '451 4.7.0', true],
    ['direct send', 'content', reply(550, '5.7.68', 'Direct Send not allowed'), TENANT, '451 4.7.0', true],
    [
      'relay access denied in words',
      'rcpt',
      reply(554, '5.7.1', '<a@b>: Relay access denied'),
      TENANT,
      '451 4.7.0',
      true,
    ],
    ['unable to relay', 'rcpt', reply(550, undefined, 'Unable to relay for b'), TENANT, '451 4.7.0', true],
    ['client rejected', 'rcpt', reply(554, '5.7.1', 'Client host rejected: cannot find'), TENANT, '451 4.7.0', true],
    // twins that speak of somebody else
    ['DMARC speaks of the sender', 'content', reply(550, '5.7.509', 'DMARC'), TENANT, '550 5.7.509', false],
    ['a block list of the recipient', 'rcpt', reply(550, '5.7.513', 'blocked'), TENANT, '550 5.7.513', false],
    ['policy about the recipient', 'rcpt', reply(550, '5.7.133', 'senders restricted'), TENANT, '550 5.7.133', false],
    ['a stranger refuses the sender', 'mail', reply(550, '5.1.8', 'bad sender'), MX, '550 5.1.8', false],
    ['our transient fault stays transient', 'rcpt', reply(450, '4.7.25', 'no PTR'), TENANT, '450 4.7.25', false],
    // nobody has foreseen it
    ['a success that is none', 'rcpt', reply(354, undefined, 'go ahead'), TENANT, '451 4.5.0', false],
    ['no reply at all', 'content', undefined, TENANT, '451 4.4.2', false],
    ['does not answer', 'connect', undefined, MX, '451 4.4.1', false],
    ['cannot be looked up', 'lookup', undefined, MX, '451 4.4.3', false],
    ['a code out of range', 'rcpt', reply(999, undefined, 'what'), TENANT, '451 4.0.0', false],
  ];
  it.each(rows)('%s', (_name, stage, said, target, expected, refusesUs) => {
    const outcome = judgeRefusal(refusal(stage, said), target);
    expect(formatReply(outcome.reply)).toMatch(new RegExp(`^${expected.replaceAll('.', '\\.')} `));
    expect(outcome.refusesUs !== undefined).toBe(refusesUs);
  });

  it('obeys a verdict that the edge has already given', () => {
    const verdict = reply(556, '5.1.10', 'null MX');
    expect(judgeRefusal(refusal('lookup', undefined, verdict), MX).reply).toBe(verdict);
  });
});

describe('the table', () => {
  it('names every code of the documented list', () => {
    const documented = [3, 25, 26, 51, 57, 64, 68, 230, 501, 606, 649, 705, 708, 750];
    for (const detail of documented) expect(meaningForUs(`5.7.${detail}`), `5.7.${detail}`).toBeDefined();
    for (const other of ['5.7.1', '5.7.509', '5.7.512', '5.7.600', '5.7.650', '5.1.1', '5.6.3']) {
      expect(meaningForUs(other), other).toBeUndefined();
    }
  });

  it('has rows in order that do not overlap', () => {
    const ends = REFUSALS_OF_US.map((row) => row.detail);
    for (const [index, [first, last]] of ends.entries()) {
      expect(first).toBeLessThanOrEqual(last);
      expect(first).toBeGreaterThan(ends[index - 1]?.[1] ?? -1);
    }
  });
});

describe('texts', () => {
  it('tell strangers nothing but the subject of the code', () => {
    expect(genericText(reply(550, '5.1.1', 'mary@tenant2.example is no user of Tenant Two'))).toBe(
      'Recipient address rejected',
    );
    expect(genericText(reply(452, '4.2.2', 'x'))).toBe('Mailbox not available, please try again later');
    expect(genericText(reply(550, undefined, 'x'))).toBe('Message not accepted');
  });

  it('keep the words for a tenant, with its addresses rewritten and nothing that ends a line', () => {
    const rewrite = (address: string) => (address === 'mary@tenant2.example' ? 'mary@shared.example' : address);
    const said = 'no user <mary@tenant2.example>\r\n250 OK\0 ask bob@else.example.';
    expect(tenantText(said, rewrite)).toBe('no user <mary@shared.example> 250 OK ask bob@else.example.');
  });
});
