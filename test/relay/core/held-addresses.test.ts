import { describe, expect, test } from 'vitest';
import { buildRuleIndex } from '../../../relay/core/rule-index.ts';
import { relayConfig, tenantRoute } from '../../support/relay-config.ts';
import { index, mailbox, type Row, row, rule, SHARED } from '../../support/rewrite-rules.ts';

const JOHN: Row = ['john@tenant1.example', 'john.smith@shared.example', 'Both'];

describe('held', () => {
  const rules = index(
    [
      rule('people', {
        addresses: [
          JOHN,
          ['eve@tenant1.example', 'eve@shared.example', 'InboundOnly'],
          ['ann+ok@tenant1.example', 'ann+ok@shared.example', 'Both'],
        ],
      }),
      rule('mary', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] }),
      rule('partner', { onlyTo: ['p.example'], addresses: [['kim@tenant1.example', 'kim@shared.example', 'Both']] }),
    ],
    {
      domains: ['gone.example'],
      addresses: ['ann@tenant1.example', 'ann@shared.example', 'Mia@tenant2.example', 'kim@tenant1.example'],
      unreadableTenantDomains: ['tenant1.example', 'tenant3.example'],
    },
  );
  test.each([
    ['an address', 'ann@tenant1.example', true, true],
    ['with a tag, in any case', 'ANN+x@tenant1.example', true, true],
    ['though a rule for the domain would resolve it', 'ann@shared.example', true, true],
    ['though a rule for the domain would rewrite it', 'mia@tenant2.example', true, true],
    ['but not where a rule names it with its tag', 'ann+ok+x@tenant1.example', false, false],
    ['though a rule for some recipients rewrites it', 'kim@tenant1.example', true, true],
    ['a domain', 'x@gone.example', true, false],
    ['not what lies below it', 'x@sub.gone.example', false, false],
    ['what no rule that can be read rewrites', 'x@tenant1.example', true, false],
    ['nor rewrites outbound', 'eve@tenant1.example', true, false],
    ['what lies below a tenant domain of a rule that cannot be read', 'x@sub.tenant3.example', true, false],
    ['not what a rule rewrites by its address', 'john+x@tenant1.example', false, false],
    ['not what a rule rewrites by its domain', 'x@tenant2.example', false, false],
    ['nothing of the world', 'x@world.example', false, false],
  ])('%s: %s', (_title, text, held, byAddress) => {
    expect(rules.isHeld(mailbox(text))).toBe(held);
    expect(rules.isHeldAddress(mailbox(text))).toBe(byAddress);
  });

  test('what is rewritten for this recipient by its address is not held for him', () => {
    const kim = mailbox('kim@tenant1.example');
    const match = rules.rewriteOutbound(kim, { ...SHARED, recipientDomain: 'p.example' });
    expect(rules.isHeldUnless(kim, match)).toBe(false);
    expect(rules.isHeldUnless(kim, rules.rewriteOutbound(kim, SHARED))).toBe(true);
  });

  test('another tenant’s routing domain below one that cannot be read is not', () => {
    const routes = [
      tenantRoute('a', { domains: ['campus.example'] }),
      tenantRoute('b', { domains: ['live.campus.example'] }),
    ];
    const held = { unreadableTenantDomains: ['campus.example'] };
    const rules = buildRuleIndex(relayConfig({ tenantRoutes: routes, held }));
    expect(rules.isHeld(mailbox('x@live.campus.example'))).toBe(false);
    expect(rules.isHeld(mailbox('x@dead.campus.example'))).toBe(true);
  });
});

test('an index that is made after another holds what its own configuration says', () => {
  const holding = (...addresses: string[]) => relayConfig({ held: { addresses } });
  const isHeld = (one: ReturnType<typeof buildRuleIndex>) =>
    ['ann', 'bob'].map((name) => one.isHeldAddress(mailbox(`${name}@shared.example`)));
  const first = buildRuleIndex(holding('ann@shared.example'));
  const same = buildRuleIndex(holding('ann@shared.example'), undefined, first);
  const other = buildRuleIndex(holding('bob@shared.example'), undefined, same);
  const none = buildRuleIndex(holding(), undefined, other);
  expect([first, same, other, none].map(isHeld)).toEqual([
    [true, false],
    [true, false],
    [false, true],
    [false, false],
  ]);
});
