import { describe, expect, test } from 'vitest';
import type { PieceItem } from '../../../relay/core/manifest.ts';
import { type AddressRows, joinPieces, PieceReader } from '../../../relay/core/pieces.ts';
import { relayConfig } from '../../support/relay-config.ts';
import { rule } from '../../support/rewrite-rules.ts';

type Item = Record<string, unknown>;

const { revision: _revision, rewriteRules: _rules, held, ...rest } = relayConfig();
const { addresses: _addresses, ...heldOtherwise } = held;
const head: Item = { type: 'head', config: { ...rest, held: heldOtherwise } };
const part = (name: string, at: number, parts: number, addresses: AddressRows = []): Item => ({
  type: 'rule',
  part: at,
  parts,
  rule: rule(name, { addresses }),
});

function read(items: readonly (Item | PieceItem | string)[]) {
  const reader = new PieceReader<AddressRows>((rows) => rows);
  const problems = items.flatMap((item) => reader.line(typeof item === 'string' ? item : JSON.stringify(item)) ?? []);
  return { content: reader.content, problems };
}

const join = (items: readonly Item[]) => joinPieces([read(items).content], 'r1');

describe('a piece', () => {
  test.each([
    ['no JSON', '{', /^a line of a piece is no JSON$/],
    ['an item of an unknown type', { type: 'mystery' }, /type \(invalid_union\)/],
    ['a head without a fleet', { type: 'head', config: { format: 1 } }, /config\.fleet \(invalid_type\)/],
    ['another format', { ...head, config: { ...(head['config'] as Item), format: 2 } }, /config\.format/],
    ['a row of two', part('a', 0, 1, [['x@y', 'z@y'] as never]), /a row that is not/],
    ['a row of numbers', part('a', 0, 1, [['x@y', 1, 'Both'] as never]), /a row that is not/],
    ['a direction that is none', part('a', 0, 1, [['x@y', 'z@y', 'Up'] as never]), /a row that is not/],
    [
      'rows that are none',
      { type: 'rule', part: 0, parts: 1, rule: { ...rule('a'), addresses: 'x@y' } },
      /a row that is not/,
    ],
    ['a rule without a name', { type: 'rule', part: 0, parts: 1, rule: { addresses: [] } }, /rule\.name/],
  ])('is refused for %s', (_, item, reason) => {
    expect(read([item]).problems).toEqual([expect.stringMatching(reason)]);
  });

  test('is refused without a word of what it holds', () => {
    expect(read([{ type: 'credential', id: 7, text: 'hunter2' }]).problems.join()).not.toContain('hunter2');
  });
});

describe('pieces', () => {
  test('are joined in the order of parts, rules by name', () => {
    const rows = (name: string): AddressRows => [[`${name}@tenant1.example`, `${name}@shared.example`, 'Both']];
    const joined = join([
      part('b', 0, 1, rows('b')),
      part('a', 1, 2, rows('second')),
      head,
      { type: 'heldAddresses', addresses: ['h1@shared.example'] },
      { type: 'heldAddresses', addresses: ['h2@shared.example'] },
      { type: 'credential', id: 'c', text: 'PEM' },
      part('a', 0, 2, rows('first')),
    ]);
    if (!joined.ok) throw new Error(joined.reason);
    const { config, rules, credentials } = joined.value;
    expect(config.revision).toBe('r1');
    expect(rules.map((one) => [one.rule.name, ...one.parts.flat().map(([internal]) => internal)])).toEqual([
      ['a', 'first@tenant1.example', 'second@tenant1.example'],
      ['b', 'b@tenant1.example'],
    ]);
    expect(config.held.addresses).toEqual(['h1@shared.example', 'h2@shared.example']);
    expect([...credentials]).toEqual([['c', 'PEM']]);
  });

  test.each([
    ['no head', [part('a', 0, 1)], /0 heads/],
    ['two heads', [head, head], /2 heads/],
    ['a part too few', [head, part('a', 0, 2)], /RewriteRule a is not whole/],
    ['a part twice', [head, part('a', 0, 2), part('a', 0, 2)], /RewriteRule a is not whole/],
    ['the first part missing', [head, part('a', 1, 2)], /RewriteRule a is not whole/],
    ['parts that count differently', [head, part('a', 0, 2), part('a', 1, 3)], /RewriteRule a is not whole/],
  ])('are refused with %s', (_, items, reason) => {
    expect(join(items)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});
