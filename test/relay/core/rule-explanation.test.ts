/** Why each rule did or did not rewrite an address: every reason is true of the index that decides. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RewriteRuleConfig } from '../../../relay/core/config.ts';
import type { OutboundScope } from '../../../relay/core/rule-index.ts';
import { explainInbound, explainOutbound, type RowVerdict } from '../../../relay/core/rule-explanation.ts';
import { relayConfig } from '../../support/relay-config.ts';
import { index, mailbox, row, rule, SHARED } from '../../support/rewrite-rules.ts';

const JOHN = rule('john', { addresses: [['john@tenant1.example', 'john@shared.example', 'Both']] });

function inbound(rules: RewriteRuleConfig[], address: string): Record<string, RowVerdict> {
  const { rows } = explainInbound(relayConfig({ rewriteRules: rules }), index(rules), mailbox(address));
  return Object.fromEntries(rows.map(({ rule: name, verdict }) => [name, verdict]));
}

function outbound(rules: RewriteRuleConfig[], address: string, scope: OutboundScope): Record<string, RowVerdict> {
  const { rows } = explainOutbound(relayConfig({ rewriteRules: rules }), index(rules), mailbox(address), scope);
  return Object.fromEntries(rows.map(({ rule: name, verdict }) => [name, verdict]));
}

describe('a shared address', () => {
  it('is told apart by the closest row', () => {
    const everybody = rule('everybody', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] });
    expect(inbound([everybody, JOHN], 'john@shared.example')).toEqual({ john: 'Applied', everybody: 'Farther' });
    expect(inbound([everybody, JOHN], 'john+news@shared.example')).toEqual({ john: 'Applied', everybody: 'Farther' });
    expect(inbound([everybody, JOHN], 'mary@shared.example')).toEqual({ everybody: 'Applied' });
  });

  it.each<[string, Partial<RewriteRuleConfig>, RowVerdict]>([
    [
      'a row for outbound mail',
      { addresses: [['a@tenant1.example', 'a@shared.example', 'OutboundOnly']] },
      'OtherDirection',
    ],
    [
      'a domain for outbound mail',
      { domains: [row('tenant1.example', { direction: 'OutboundOnly' })] },
      'OtherDirection',
    ],
    ['subdomains made one', { domains: [row('tenant1.example', { includeSubdomains: true })] }, 'Flattens'],
    ['a rule in Audit', { mode: 'Audit', addresses: [['a@tenant1.example', 'a@shared.example', 'Both']] }, 'Audit'],
  ])('is not resolved by %s', (_name, over, verdict) => {
    expect(inbound([rule('one', over)], 'a@shared.example')).toEqual({ one: verdict });
  });

  it('is spoken of by no rule of other addresses', () => {
    expect(inbound([JOHN], 'jane@shared.example')).toEqual({});
  });

  it('is found in any case, quoted or not', () => {
    const quoted = rule('quoted', { addresses: [['"j s"@tenant1.example', '"J S"@shared.example', 'Both']] });
    expect(inbound([quoted], '"j s"@SHARED.example')).toEqual({ quoted: 'Applied' });
  });
});

describe('a tenant address', () => {
  it.each<[string, string, Partial<RewriteRuleConfig>, OutboundScope, RowVerdict]>([
    [
      'an alias',
      'a@tenant1.example',
      { addresses: [['a@tenant1.example', 'x@shared.example', 'InboundOnly']] },
      SHARED,
      'OtherDirection',
    ],
    [
      'another shared domain',
      'a@tenant1.example',
      { sharedDomain: 'other.example', domains: [row('tenant1.example')] },
      SHARED,
      'OtherSharedDomain',
    ],
    [
      'other recipients',
      'a@tenant1.example',
      { onlyTo: ['partner.example'], domains: [row('tenant1.example')] },
      { ...SHARED, recipientDomain: 'world.example' },
      'OtherRecipients',
    ],
    [
      'recipients nobody has named',
      'a@tenant1.example',
      { onlyTo: ['partner.example'], domains: [row('tenant1.example')] },
      SHARED,
      'OtherRecipients',
    ],
    [
      'the domain above alone',
      'a@eu.tenant1.example',
      { domains: [row('tenant1.example')] },
      SHARED,
      'SubdomainsExcluded',
    ],
    [
      'an exception',
      'a@x.eu.tenant1.example',
      { domains: [row('tenant1.example', { includeSubdomains: true, exceptions: ['eu.tenant1.example'] })] },
      SHARED,
      'Exception',
    ],
    ['Audit', 'a@tenant1.example', { mode: 'Audit', domains: [row('tenant1.example')] }, SHARED, 'Audit'],
    [
      'nothing else',
      'a@eu.tenant1.example',
      { domains: [row('tenant1.example', { includeSubdomains: true })] },
      SHARED,
      'Applied',
    ],
  ])('meets %s', (_name, address, over, scope, verdict) => {
    expect(outbound([rule('one', over)], address, scope)).toEqual({ one: verdict });
  });

  it('goes by a rule for these recipients rather than one for all', () => {
    const partner = rule('z-partner', {
      onlyTo: ['partner.example'],
      addresses: [['a@tenant1.example', 'p@shared.example', 'Both']],
    });
    const all = rule('all', { addresses: [['a@tenant1.example', 'a@shared.example', 'Both']] });
    const scope = { ...SHARED, recipientDomain: 'partner.example' };
    expect(outbound([all, partner], 'a@tenant1.example', scope)).toEqual({ 'z-partner': 'Applied', all: 'Farther' });
  });
});

const local = fc.constantFrom('a', 'b', 'a+t', 'a+t+u');
const tenantDomain = fc.constantFrom(
  'tenant1.example',
  'eu.tenant1.example',
  'x.eu.tenant1.example',
  'tenant2.example',
);
const direction = fc.constantFrom('Both' as const, 'OutboundOnly' as const, 'InboundOnly' as const);
const sharedName = fc.constantFrom('shared.example', 'other.example');
const someRule = fc.record({
  sharedDomain: sharedName,
  mode: fc.constantFrom('Enforce' as const, 'Audit' as const),
  onlyTo: fc.option(fc.constant(['partner.example']), { nil: undefined }),
  addresses: fc.array(
    fc
      .tuple(local, tenantDomain, local, sharedName, direction)
      .map(([from, domain, to, external, way]): RewriteRuleConfig['addresses'][number] => [
        `${from}@${domain}`,
        `${to}@${external}`,
        way,
      ]),
    { maxLength: 3 },
  ),
  domains: fc.array(
    fc.record({
      internal: tenantDomain,
      external: sharedName,
      includeSubdomains: fc.boolean(),
      direction,
      exceptions: fc.constantFrom<string[]>([], ['eu.tenant1.example']),
    }),
    { maxLength: 2 },
  ),
});
const someRules = fc
  .array(someRule, { maxLength: 4 })
  .map((all) =>
    all.map(({ onlyTo, ...over }, number) =>
      rule(`rule${number}`, onlyTo === undefined ? over : { ...over, onlyTo: [...onlyTo] }),
    ),
  );

type Explain = (rules: RewriteRuleConfig[]) => ReturnType<typeof explainInbound>;
const explanations = fc.oneof(
  fc.tuple(local, sharedName).map(([name, domain]): Explain => {
    const address = mailbox(`${name}@${domain}`);
    return (rules) => explainInbound(relayConfig({ rewriteRules: rules }), index(rules), address);
  }),
  fc
    .tuple(local, tenantDomain, fc.constantFrom('partner.example', 'world.example', undefined))
    .map(([name, domain, recipientDomain]): Explain => {
      const address = mailbox(`${name}@${domain}`);
      const scope = { ...SHARED, recipientDomain };
      return (rules) => explainOutbound(relayConfig({ rewriteRules: rules }), index(rules), address, scope);
    }),
);

/** Each row as a rule of its own. */
function apart(rules: readonly RewriteRuleConfig[]): RewriteRuleConfig[] {
  const single = rules.flatMap((one) => [
    ...one.addresses.map((address) => ({ ...one, addresses: [address], domains: [] })),
    ...one.domains.map((domain) => ({ ...one, addresses: [], domains: [domain] })),
  ]);
  return single.map((one, number) => ({ ...one, name: `row${number}` }));
}

describe('for whatever rules', () => {
  it('names the rule that the index takes, and no other', () => {
    fc.assert(
      fc.property(someRules, explanations, (rules, explain) => {
        const { match, rows } = explain(rules);
        const applied = rows.filter(({ verdict }) => verdict === 'Applied').map((account) => account.rule);
        expect(applied).toEqual(match === undefined ? [] : [match.rule]);
      }),
      { numRuns: 500 },
    );
  });

  it('gives reasons that hold of each row alone', () => {
    fc.assert(
      fc.property(someRules, explanations, (rules, explain) => {
        const rows = apart(rules);
        for (const account of explain(rows).rows) {
          const alone = rows.filter(({ name }) => name === account.rule);
          const applies = explain(alone).match !== undefined;
          const enforced = explain(alone.map((one) => ({ ...one, mode: 'Enforce' as const }))).match !== undefined;
          expect(applies).toBe(account.verdict === 'Applied' || account.verdict === 'Farther');
          expect(enforced).toBe(applies || account.verdict === 'Audit');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('speaks of every row that would ever apply', () => {
    fc.assert(
      fc.property(someRules, explanations, (rules, explain) => {
        const rows = apart(rules);
        const named = new Set(explain(rows).rows.map((account) => account.rule));
        for (const one of rows) if (explain([one]).match !== undefined) expect(named).toContain(one.name);
      }),
      { numRuns: 500 },
    );
  });
});
