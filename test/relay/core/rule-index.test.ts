import { describe, expect, test } from 'vitest';
import { formatMailbox } from '../../../relay/core/address.ts';
import type { RuleMatch } from '../../../relay/core/rule-index.ts';
import { index, mailbox, type Row, row, rule, SHARED } from '../../support/rewrite-rules.ts';

const shown = (match: RuleMatch | undefined) => match && `${formatMailbox(match.mailbox)} by ${match.rule}`;

const JOHN: Row = ['john@tenant1.example', 'john.smith@shared.example', 'Both'];

describe('inbound', () => {
  const rules = index([
    rule('people', {
      addresses: [
        JOHN,
        ['john@tenant1.example', 'sales@shared.example', 'InboundOnly'],
        ['service@tenant1.example', 'no-reply@shared.example', 'OutboundOnly'],
        ['"a b"@tenant1.example', '"c d"@shared.example', 'Both'],
        ['team+x@tenant1.example', 'team+all@shared.example', 'Both'],
      ],
    }),
    rule('mary', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] }),
    rule('flat', {
      tenantRoute: 'tenant3',
      domains: [row('tenant3.example', { external: 'flat.example', includeSubdomains: true })],
    }),
    rule('trial', { mode: 'Audit', addresses: [['paul@tenant1.example', 'paul@shared.example', 'Both']] }),
  ]);
  test.each([
    ['john.smith@shared.example', 'john@tenant1.example by people'],
    ['JOHN.Smith@shared.example', 'john@tenant1.example by people'],
    ['john.smith+News@shared.example', 'john+News@tenant1.example by people'],
    ['john.smith+@shared.example', 'john+@tenant1.example by people'],
    ['john.smith+1+2+3+4+5+6+7+8+9+10@shared.example', 'john+1+2+3+4+5+6+7+8+9+10@tenant1.example by people'],
    ['nobody+1+2+3+4+5+6+7+8+9+10@shared.example', 'nobody+1+2+3+4+5+6+7+8+9+10@tenant2.example by mary'],
    ['+john.smith@shared.example', '+john.smith@tenant2.example by mary'],
    ['sales@shared.example', 'john@tenant1.example by people'],
    ['"c d"@shared.example', '"a b"@tenant1.example by people'],
    ['team+all@shared.example', 'team+x@tenant1.example by people'],
    ['team+all+new@shared.example', 'team+x+new@tenant1.example by people'],
    ['team@shared.example', 'team@tenant2.example by mary'],
    ['no-reply@shared.example', 'no-reply@tenant2.example by mary'],
    ['Anybody+x@shared.example', 'Anybody+x@tenant2.example by mary'],
    ['paul@shared.example', 'paul@tenant2.example by mary'],
    ['x@flat.example', undefined],
    ['x@sub.shared.example', undefined],
    ['x@world.example', undefined],
    ['john@tenant1.example', undefined],
  ])('%s is %s', (text, expected) => {
    expect(shown(rules.resolveInbound(mailbox(text)))).toBe(expected);
  });

  test('tells the tenant, the shared domain and how close the match is', () => {
    expect(rules.resolveInbound(mailbox('john.smith+x@shared.example'))).toMatchObject({
      kind: 'Address',
      tenantRoute: 'tenant1',
      sharedDomain: 'shared.example',
    });
    expect(rules.resolveInbound(mailbox('mary@shared.example'))).toMatchObject({
      kind: 'Domain',
      tenantRoute: 'tenant2',
    });
  });

  test('a rule in Audit resolves nothing and is reported', () => {
    const audited: RuleMatch[] = [];
    rules.resolveInbound(mailbox('paul@shared.example'), audited);
    expect(audited.map(shown)).toEqual(['paul@tenant1.example by trial']);
  });

  test('only the receiving tenant’s own addresses are reversed', () => {
    expect(shown(rules.reverseInbound(mailbox('john.smith@shared.example'), 'tenant1'))).toBe(
      'john@tenant1.example by people',
    );
    expect(rules.reverseInbound(mailbox('john.smith@shared.example'), 'tenant2')).toBe(undefined);
    expect(shown(rules.reverseInbound(mailbox('mary@shared.example'), 'tenant2'))).toBe('mary@tenant2.example by mary');
    const audited: RuleMatch[] = [];
    rules.reverseInbound(mailbox('paul@shared.example'), 'tenant2', audited);
    expect(audited).toEqual([]);
  });
});

describe('outbound', () => {
  const rules = index([
    rule('people', { addresses: [JOHN, ['john@tenant1.example', 'sales@shared.example', 'InboundOnly']] }),
    rule('domain', { domains: [row('tenant1.example'), row('in.example', { direction: 'InboundOnly' })] }),
    rule('wide', {
      domains: [row('example', { includeSubdomains: true, exceptions: ['keep.tenant3.example', 'world.example'] })],
    }),
    rule('narrow', {
      domains: [
        row('tenant3.example', {
          external: 'three.shared.example',
          includeSubdomains: true,
          exceptions: ['wide.tenant3.example'],
        }),
      ],
    }),
    rule('onlydomain', {
      onlyTo: ['partner.example'],
      domains: [row('tenant1.example', { external: 'partner.shared.example' })],
    }),
    rule('z-only', { onlyTo: ['z.example'], addresses: [['john@tenant1.example', 'z@shared.example', 'Both']] }),
    rule('elsewhere', {
      sharedDomain: 'other.example',
      addresses: [['ann@tenant1.example', 'ann@other.example', 'Both']],
    }),
    rule('a-trial', { mode: 'Audit', addresses: [['john@tenant1.example', 'trial@shared.example', 'Both']] }),
  ]);
  test.each([
    ['an address before a domain', 'john@tenant1.example', 'john.smith@shared.example by people'],
    ['an address without its tag before a domain', 'john+x@tenant1.example', 'john.smith+x@shared.example by people'],
    ['a domain before a wildcard', 'Ann@tenant1.example', 'Ann@shared.example by domain'],
    ['the nearest wildcard', 'a@b.tenant3.example', 'a@three.shared.example by narrow'],
    ['a wildcard’s own domain', 'a@tenant3.example', 'a@three.shared.example by narrow'],
    ['a wider wildcard where the nearest makes an exception', 'a@x.wide.tenant3.example', 'a@shared.example by wide'],
    [
      'the nearest wildcard where a wider makes an exception',
      'a@keep.tenant3.example',
      'a@three.shared.example by narrow',
    ],
    ['a wildcard for what only InboundOnly names', 'a@in.example', 'a@shared.example by wide'],
    ['nothing at an exception', 'a@world.example', undefined],
    ['nothing below an exception', 'a@b.world.example', undefined],
    ['nothing for an address literal', 'a@[192.0.2.1]', undefined],
    ['nothing for a domain that only ends alike', 'a@notexample', undefined],
  ])('%s', (_title, text, expected) => {
    expect(shown(rules.rewriteOutbound(mailbox(text), SHARED))).toBe(expected);
  });

  test('onlyTo is closer than none at the same level, and no closer than an address', () => {
    const scope = { ...SHARED, recipientDomain: 'partner.example' };
    expect(shown(rules.rewriteOutbound(mailbox('ann@tenant1.example'), scope))).toBe(
      'ann@partner.shared.example by onlydomain',
    );
    expect(shown(rules.rewriteOutbound(mailbox('john@tenant1.example'), scope))).toBe(
      'john.smith@shared.example by people',
    );
    const third = { ...SHARED, recipientDomain: 'z.example' };
    expect(shown(rules.rewriteOutbound(mailbox('john@tenant1.example'), third))).toBe('z@shared.example by z-only');
    const other = { ...SHARED, recipientDomain: 'sub.partner.example' };
    expect(shown(rules.rewriteOutbound(mailbox('ann@tenant1.example'), other))).toBe('ann@shared.example by domain');
  });

  test('only rules of the scope’s shared domains apply', () => {
    expect(rules.rewriteOutbound(mailbox('john@tenant1.example'), { sharedDomains: new Set() })).toBe(undefined);
    const both = { sharedDomains: new Set(['shared.example', 'other.example']) };
    expect(shown(rules.rewriteOutbound(mailbox('ann@tenant1.example'), both))).toBe('ann@other.example by elsewhere');
  });

  test('a rule in Audit is reported and hides no other', () => {
    const audited: RuleMatch[] = [];
    const match = rules.rewriteOutbound(mailbox('john+x@tenant1.example'), SHARED, audited);
    expect(shown(match)).toBe('john.smith+x@shared.example by people');
    expect(audited.map(shown)).toEqual(['trial+x@shared.example by a-trial']);
  });
});

test('recipient domains have one key exactly where the same conditional rules apply', () => {
  const rules = index([
    rule('b', { onlyTo: ['x.example', 'y.example'] }),
    rule('a', { onlyTo: ['x.example'] }),
    rule('c'),
  ]);
  expect(rules.onlyToKey('x.example')).toBe('a b');
  expect(rules.onlyToKey('y.example')).toBe('b');
  expect(rules.onlyToKey('z.example')).toBe('');
});

test('a configuration that holds no address where one must be is refused by name', () => {
  const broken = rule('people', { addresses: [['nonsense', 'a@shared.example', 'Both']] });
  expect(() => index([broken])).toThrow('rule people in the configuration holds an address that has no @');
});
