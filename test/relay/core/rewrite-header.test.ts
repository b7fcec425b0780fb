import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatMailbox } from '../../../relay/core/address.ts';
import { type Header, parseHeader } from '../../../relay/core/header.ts';
import { type HeaderRewrite, rewriteInboundHeader, rewriteOutboundHeader } from '../../../relay/core/rewrite-header.ts';
import { buildRuleIndex } from '../../../relay/core/rule-index.ts';
import { relayConfig } from '../../support/relay-config.ts';

interface Case {
  readonly does?: string;
  readonly keeps?: string;
  readonly in: string;
  readonly out?: string;
  readonly latin1?: boolean;
  readonly recipientDomain?: string;
  readonly tenantRoute?: string;
}

const read = (name: string) => parse(readFileSync(`test/cases/rewrite/${name}.yaml`, 'utf8'));
const setting = read('rules');
const rules = buildRuleIndex(relayConfig({ rewriteRules: setting.rewriteRules }));
const sharedDomains = new Set<string>(setting.sharedDomains);

const octetsOf = (text: string, latin1 = false) =>
  Buffer.from(text.replaceAll(/(?<!\r)\n/g, '\r\n'), latin1 ? 'latin1' : 'utf8');
const headerOf = (text: string): Header => parseHeader(octetsOf(text));

function rewritten(result: HeaderRewrite) {
  if (!result.ok) throw new Error(result.reason);
  return result;
}

const outbound = (header: Header, recipientDomain = 'world.example') =>
  rewritten(rewriteOutboundHeader(header, rules, { sharedDomains, recipientDomain }));

function playCases(name: string, play: (header: Header, one: Case) => HeaderRewrite): void {
  const cases: Case[] = read(name);
  test.each(cases.map((one) => ({ title: `${one.does ?? `keep ${one.keeps}`}`, one })))('$title', ({ one }) => {
    for (const end of one.in.endsWith('\n') ? [''] : ['', '\r\n']) {
      const header = parseHeader(octetsOf(`${one.in}${end}`, one.latin1));
      const result = rewritten(play(header, one));
      const expected = octetsOf(`${one.out ?? one.in}${end}`, one.latin1);
      expect(Buffer.from(result.header.octets).toString('latin1')).toBe(expected.toString('latin1'));
      expect(result.changes.length > 0).toBe(one.out !== undefined);
      expect(rewritten(play(result.header, one)).header).toBe(result.header);
    }
  });
}

describe('outbound rewriting does', () => {
  playCases('outbound', (header, one) =>
    rewriteOutboundHeader(header, rules, { sharedDomains, recipientDomain: one.recipientDomain ?? 'world.example' }),
  );
});

describe('inbound rewriting does', () => {
  playCases('inbound', (header, one) => rewriteInboundHeader(header, rules, one.tenantRoute ?? 'tenant1'));
});

describe('what rewriting reports', () => {
  test('every change with field, addresses and rule, and the names of changed fields', () => {
    const result = outbound(
      headerOf('From: john@tenant1.example\nTo: x@world.example\nCC: "a" <b@x.tenant3.example>\n'),
    );
    expect(result.changes).toEqual([
      { field: 'from', from: 'john@tenant1.example', to: 'john.smith@shared.example', rule: 'people' },
      { field: 'cc', from: 'b@x.tenant3.example', to: 'b@shared.example', rule: 'flat' },
    ]);
    expect([...result.changedFields]).toEqual(['from', 'cc']);
  });

  test('what a rule in Audit would change', () => {
    const result = outbound(headerOf('From: paul@tenant1.example\n'));
    expect(result.audited).toEqual([
      { field: 'from', from: 'paul@tenant1.example', to: 'paul@shared.example', rule: 'trial' },
    ]);
    expect(result.changes).toEqual([]);
  });

  test('the first address that is on hold, in fields that are rewritten and in no others', () => {
    const held = {
      addresses: ['gone@tenant1.example'],
      domains: ['gone.example'],
      unreadableTenantDomains: ['tenant5.example'],
    };
    const holding = buildRuleIndex(relayConfig({ rewriteRules: setting.rewriteRules, held }));
    const heldIn = (text: string) => {
      const { held: found } = rewritten(rewriteOutboundHeader(headerOf(text), holding, { sharedDomains }));
      return found && formatMailbox(found);
    };
    expect(heldIn('From: john@tenant1.example\nTo: Gone+x@tenant1.example, b@gone.example\n')).toBe(
      'Gone+x@tenant1.example',
    );
    expect(heldIn('Cc: x@world.example (b@gone.example)\n')).toBe('b@gone.example');
    expect(heldIn('Reply-To: a@tenant5.example\n')).toBe('a@tenant5.example');
    expect(heldIn('From: john@tenant1.example\nReferences: <b@gone.example>\nSubject: b@gone.example\n')).toBe(
      undefined,
    );
  });
});

describe('limits defer and never cut', () => {
  test('a header that names too many addresses is not rewritten at all', () => {
    const many = `From: john@tenant1.example\nTo: ${'a@b,'.repeat(10_000)}\n`;
    expect(rewriteOutboundHeader(headerOf(many), rules, { sharedDomains })).toEqual({
      ok: false,
      reason: expect.stringContaining('more than 10000 addresses'),
    });
  });

  test('an address that a tag makes too long is not written', () => {
    const long = `From: ann+${'x'.repeat(310)}@tenant1.example\n`;
    expect(rewriteOutboundHeader(headerOf(long), rules, { sharedDomains })).toEqual({
      ok: false,
      reason: expect.stringContaining('local part above 315 octets'),
    });
  });
});

describe('laws', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
  const address = fc.oneof(
    fc.constantFrom('john@tenant1.example', 'ann@tenant1.example', 'mary@tenant2.example', 'a@b.tenant3.example'),
    fc
      .tuple(word, fc.constantFrom('tenant1.example', 'tenant2.example', 'world.example', 'bücher.example'))
      .map((parts) => parts.join('@')),
  );
  const space = fc.constantFrom('', ' ', '\t', '\r\n ', ' \r\n\t', ' (c) ');
  const shown = fc.oneof(
    fc.tuple(space, address, space).map((parts) => parts.join('')),
    fc.tuple(word, space, address).map(([name, gap, one]) => `${name}${gap} <${one}>`),
    fc.tuple(fc.string(), address).map(([name, one]) => `"${name.replaceAll(/["\\\r\n]/g, '')}" <${one}>`),
    fc.tuple(address, address).map(([name, one]) => `"${name}" <${one}>`),
  );
  const field = fc
    .tuple(
      fc.constantFrom('From', 'To', 'CC', 'reply-to', 'Subject', 'X-Any', 'References'),
      fc.array(shown, { minLength: 1, maxLength: 5 }),
    )
    .map(([name, list]) => `${name}: ${list.join(', ')}\r\n`);
  const header = fc.array(field, { maxLength: 8 }).map((fields) => fields.join(''));

  test('rewriting twice changes no more than once', () => {
    fc.assert(
      fc.property(header, (text) => {
        const once = outbound(headerOf(text));
        expect(outbound(once.header).header).toBe(once.header);
      }),
    );
  });

  test('only octets of addresses change: with the shared names put back, nothing is different', () => {
    // One domain rule, so that each change is one domain's name and can be undone by looking for it.
    const one = buildRuleIndex(
      relayConfig({
        rewriteRules: [
          {
            name: 'one',
            sharedDomain: 'shared.example',
            tenantRoute: 'tenant2',
            mode: 'Enforce',
            addresses: [],
            domains: [
              {
                internal: 'tenant2.example',
                external: 'shared.example',
                includeSubdomains: false,
                direction: 'Both',
                exceptions: [],
              },
            ],
          },
        ],
      }),
    );
    fc.assert(
      fc.property(header, (text) => {
        const result = rewritten(rewriteOutboundHeader(headerOf(text), one, { sharedDomains }));
        const back = Buffer.from(result.header.octets).toString().replaceAll('shared.example', 'tenant2.example');
        expect(back).toBe(text);
      }),
    );
  });

  test('no octets, however wild, make it throw or change what a rule does not name', () => {
    const wild = fc.array(
      fc.oneof(
        fc.constantFrom(
          '"',
          '(',
          ')',
          '<',
          '>',
          '@',
          ',',
          ';',
          ':',
          '\\',
          '[',
          ']',
          '.',
          "'",
          '\r\n ',
          '=?utf-8?Q?',
          '?=',
          '=40',
        ),
        fc.constantFrom('john', 'tenant1.example', 'x@y.example', '\u00ff', '\0', ' '),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(wild, (parts) => {
        const octets = Buffer.from(`To: ${parts.join('')}\r\nSubject: x\r\n`, 'latin1');
        const result = outbound(parseHeader(octets));
        if (result.changes.length === 0) expect(result.header.octets).toBe(octets);
        expect(Buffer.from(result.header.octets).toString('latin1').endsWith('\r\nSubject: x\r\n')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
