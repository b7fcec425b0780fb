import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMailbox, mailboxKey } from '../../../relay/core/address.ts';
import type { RewriteRuleConfig } from '../../../relay/core/config.ts';
import type { RuleMatch } from '../../../relay/core/rule-index.ts';
import { index, mailbox, type Row, row, rule, SHARED } from '../../support/rewrite-rules.ts';

const shown = (match: RuleMatch | undefined) => match && `${formatMailbox(match.mailbox)} by ${match.rule}`;

const JOHN: Row = ['john@tenant1.example', 'john.smith@shared.example', 'Both'];

describe('laws of rewriting rules', () => {
  const localPart = fc.oneof(fc.stringMatching(/^[a-z]{1,6}$/), fc.constantFrom('a b', 'ö', 'x.y', 'q"r', 'p@q'));
  const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9.]{0,5}$/), { nil: undefined });
  const people = fc.uniqueArray(fc.tuple(localPart, localPart), {
    minLength: 1,
    maxLength: 12,
    selector: ([internal]) => internal,
  });
  const table = people.map((pairs) => {
    const external = new Set<string>();
    return pairs
      .filter(([, one]) => !external.has(one) && external.add(one))
      .map(
        ([from, to]): Row => [
          formatMailbox({ localPart: from, domain: 'tenant1.example' }),
          formatMailbox({ localPart: to, domain: 'shared.example' }),
          'Both',
        ],
      );
  });

  test('outbound, then inbound, is the address it was', () => {
    fc.assert(
      fc.property(table, tag, fc.nat(), (addresses, suffix, pick) => {
        const rules = index([rule('people', { addresses })]);
        const one = mailbox(addresses[pick % addresses.length]?.[0] ?? '');
        const tagged = { ...one, localPart: suffix === undefined ? one.localPart : `${one.localPart}+${suffix}` };
        const out = rules.rewriteOutbound(tagged, SHARED)?.mailbox;
        const back = out && rules.resolveInbound(out)?.mailbox;
        expect(back && mailboxKey(back)).toBe(mailboxKey(tagged));
      }),
    );
  });

  test('with domain rules the spelling comes back as well', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), (text) => {
        const rules = index([rule('mary', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] })]);
        const one = { localPart: text, domain: 'tenant2.example' };
        const out = rules.rewriteOutbound(one, SHARED);
        expect(out?.mailbox).toEqual({ localPart: text, domain: 'shared.example' });
        expect(out && rules.resolveInbound(out.mailbox)?.mailbox).toEqual(one);
      }),
    );
  });

  test('the order of rules means nothing', () => {
    const many = [
      rule('people', { addresses: [JOHN] }),
      rule('also', { addresses: [['john@tenant1.example', 'john.s@shared.example', 'Both']] }),
      rule('mary', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] }),
      rule('more', { tenantRoute: 'tenant3', domains: [row('tenant3.example')] }),
      rule('onlyto', { onlyTo: ['p.example'], domains: [row('tenant2.example')] }),
      rule('wild', { domains: [row('example', { includeSubdomains: true })] }),
    ];
    const questions = [
      'john@tenant1.example',
      'x@tenant2.example',
      'x@b.tenant3.example',
      'john.smith@shared.example',
      'x@shared.example',
    ];
    const answers = (rules: RewriteRuleConfig[]) =>
      questions.map((text) => [
        shown(index(rules).rewriteOutbound(mailbox(text), { ...SHARED, recipientDomain: 'p.example' })),
        shown(index(rules).resolveInbound(mailbox(text))),
      ]);
    const expected = answers(many);
    fc.assert(
      fc.property(fc.shuffledSubarray(many, { minLength: many.length }), (shuffled) => {
        expect(answers(shuffled)).toEqual(expected);
      }),
    );
  });
});
