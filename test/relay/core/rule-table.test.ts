import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIRECTIONS, type RewriteRuleConfig } from '../../../relay/core/config.ts';
import { type PackedRows, packRows } from '../../../relay/core/packed-rows.ts';
import { buildRuleTable, type RuleTable } from '../../../relay/core/rule-table.ts';
import { relayConfig } from '../../support/relay-config.ts';
import { rule } from '../../support/rewrite-rules.ts';

const localParts = ['a', 'b', 'c', '"d e"'];
const address = fc
  .tuple(fc.constantFrom(...localParts), fc.constantFrom('x.example', 'y.example'))
  .map((one) => one.join('@'));
const rows = fc.array(fc.tuple(address, address, fc.constantFrom(...DIRECTIONS)), { maxLength: 4 });
/** What each rule holds in one configuration; undefined: there is no such rule. */
const world = fc.array(fc.option(fc.record({ rows, mode: fc.constantFrom('Enforce' as const, 'Audit' as const) })), {
  minLength: 4,
  maxLength: 4,
});

interface Held {
  readonly rows: RewriteRuleConfig['addresses'];
  readonly mode: 'Enforce' | 'Audit';
}

function rulesOf(one: readonly (Held | null)[]): RewriteRuleConfig[] {
  return one.flatMap((each, at) =>
    each === null ? [] : [rule(`rule-${at}`, { addresses: each.rows, mode: each.mode })],
  );
}

function answers(table: RuleTable) {
  const asked = ([0, 1] as const).flatMap((column) =>
    ['a', 'b', 'c', 'd e', 'f'].flatMap((localPart) =>
      ['x.example', 'y.example'].map((domain) => table.addressRows(column, localPart, domain)),
    ),
  );
  return asked.map((found) => found.map(({ indexed, row }) => [indexed.rule.name, indexed.rule.mode, ...row]));
}

describe('a table of rules', () => {
  test('that is made from an earlier one answers as one made anew, and the earlier one as before', () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 8 }), (worlds) => {
        const known = new Map<string, PackedRows>();
        const keep = (one: RewriteRuleConfig) => {
          const key = `${one.name} ${JSON.stringify(one.addresses)}`;
          const kept = known.get(key) ?? packRows(one.addresses, one.name);
          known.set(key, kept);
          return kept;
        };
        let table: RuleTable | undefined;
        const earlier: { table: RuleTable; said: unknown }[] = [];
        for (const rules of worlds.map(rulesOf)) {
          const packed = new Map(rules.map((one) => [one.name, [keep(one)]]));
          const bare = rules.map((one) => ({ ...one, addresses: [] }));
          table = buildRuleTable(relayConfig({ rewriteRules: bare }), packed, table);
          const said = answers(table);
          expect(said).toEqual(answers(buildRuleTable(relayConfig({ rewriteRules: rules }))));
          expect(table.addressCount).toBe(rules.reduce((sum, { addresses }) => sum + addresses.length, 0));
          earlier.push({ table, said });
        }
        for (const one of earlier) expect(answers(one.table)).toEqual(one.said);
      }),
    );
  });

  test('is made anew when it has grown too much, and answers the same', () => {
    const rowsOf = (turn: number): RewriteRuleConfig['addresses'] =>
      Array.from({ length: 3000 }, (_, at) => [`${at}@x.example`, `${turn}.${at}@y.example`, 'Both']);
    let table: RuleTable | undefined;
    for (let turn = 0; turn < 12; turn++) {
      const rules = [rule('people', { addresses: rowsOf(turn) })];
      table = buildRuleTable(relayConfig({ rewriteRules: rules }), undefined, table);
      expect(table.addressRows(0, '2999', 'x.example').map(({ row }) => row[1])).toEqual([`${turn}.2999@y.example`]);
      expect(table.addressRows(1, `${turn - 1}.7`, 'y.example')).toEqual([]);
    }
  });

  test('finds an address that very many rows name without looking at each other row for each', () => {
    const addresses = Array.from({ length: 50_000 }, (_, at): [string, string, 'OutboundOnly'] => [
      `${at}@x.example`,
      'noreply@y.example',
      'OutboundOnly',
    ]);
    const table = buildRuleTable(relayConfig({ rewriteRules: [rule('people', { addresses })] }));
    expect(table.addressRows(1, 'noreply', 'y.example')).toHaveLength(50_000);
    expect(table.addressRows(0, '49999', 'x.example')).toHaveLength(1);
  });
});
