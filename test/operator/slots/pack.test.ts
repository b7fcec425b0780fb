import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Piece } from '../../../operator/compilation/compiler.ts';
import type { Tombstone } from '../../../operator/compile/tombstones.ts';
import { PIECE_BYTES } from '../../../operator/manifests/names.ts';
import { Packer, type PackInput } from '../../../operator/slots/pack.ts';
import { unpackStored } from '../../../operator/slots/unpack.ts';
import type { RewriteRuleConfig } from '../../../relay/core/config.ts';
import { relayConfig } from '../../support/relay-config.ts';
import { rule } from '../../support/rewrite-rules.ts';
import { packInput } from './arbitrary.ts';

const KEY = 'a key that nobody knows';
const NOTHING = { credentials: new Map<string, string>(), confidentialRules: new Set<string>(), tombstones: [] };

function pack(input: PackInput, packer = new Packer(KEY)) {
  const packed = packer.pack(input);
  if (!packed.ok) throw new Error(packed.tooLarge);
  return packed;
}

const bytes = (pieces: readonly Piece[]) => pieces.map((piece) => piece.bytes);
const isSecret = ({ slot }: Piece) => slot.startsWith('s');
const text = ({ bytes: octets }: Piece) => gunzipSync(octets).toString('utf8');

/** Rows have no order. */
function ordered<T extends RewriteRuleConfig>(one: T): T {
  return { ...one, addresses: [...one.addresses].sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1)) };
}

const orderedGrave = (grave: Tombstone): Tombstone =>
  grave.kind === 'RewriteRule' ? { ...grave, was: ordered(grave.was) } : grave;

const manyRules = (count: number, rows: number): RewriteRuleConfig[] =>
  Array.from({ length: count }, (_, at) =>
    rule(`rule-${String(at).padStart(4, '0')}`, {
      addresses: Array.from({ length: rows }, (__, row) => [
        `u${row}@tenant${at}.example`,
        `user.${at}.${row}@shared.example`,
        'Both',
      ]),
    }),
  );

describe('packing', () => {
  test('and unpacking gives back everything', () => {
    fc.assert(
      fc.property(packInput, (input) => {
        const { pieces, memory, parts } = pack(input);
        const back = unpackStored(bytes(pieces).reverse(), bytes(memory).reverse(), input.config.revision, KEY);
        if (!back.ok) throw new Error(back.reason);
        const { rewriteRules, ...rest } = input.config;
        const { rewriteRules: rulesBack, ...restBack } = back.config;
        expect(restBack).toEqual(rest);
        expect(rulesBack.map(ordered)).toEqual(rewriteRules.map(ordered));
        expect([...back.credentials]).toEqual([...input.credentials]);
        expect(back.tombstones.map(orderedGrave)).toEqual(input.tombstones.map(orderedGrave));
        expect(Object.fromEntries(back.parts)).toEqual(Object.fromEntries(parts));
        const known = new Set(
          [...input.config.rewriteRules, ...input.tombstones.filter(({ kind }) => kind === 'RewriteRule')].map(
            ({ name }) => name,
          ),
        );
        expect([...back.confidentialRules].sort()).toEqual(
          [...input.confidentialRules].filter((name) => known.has(name)).sort(),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('gives the same octets for the same input, whatever was packed before, in whatever order it comes', () => {
    fc.assert(
      fc.property(packInput, packInput, (before, input) => {
        const packer = new Packer(KEY);
        packer.pack(before);
        const shuffled = {
          ...input,
          config: {
            ...input.config,
            rewriteRules: [...input.config.rewriteRules]
              .reverse()
              .map((one) => ({ ...one, addresses: [...one.addresses].reverse() })),
          },
          tombstones: [...input.tombstones].reverse(),
        };
        expect(pack(shuffled, packer).pieces).toEqual(pack(input).pieces);
        expect(pack(shuffled, packer).memory).toEqual(pack(input).memory);
      }),
      { numRuns: 40 },
    );
  });

  test('puts no secret and no address of a confidential rule into a piece that is none of a Secret', () => {
    let looked = 0;
    fc.assert(
      fc.property(packInput, (input) => {
        // Addresses that only confidential rules have.
        const confidential = [
          ...input.config.rewriteRules,
          ...input.tombstones.flatMap((one) => (one.kind === 'RewriteRule' ? [one.was] : [])),
        ];
        const [hidden, open] = [true, false].map(
          (wanted) =>
            new Set(
              confidential
                .filter(({ name }) => input.confidentialRules.has(name) === wanted)
                .flatMap(({ addresses }) => addresses.flatMap(([internal, external]) => [internal, external])),
            ),
        );
        const { pieces, memory } = pack({
          ...input,
          config: { ...input.config, held: { ...input.config.held, addresses: [...(hidden ?? [])].sort() } },
        });
        const shown = [...pieces, ...memory]
          .filter((piece) => !isSecret(piece))
          .map(text)
          .join('\n');
        for (const secret of input.credentials.values())
          expect(shown).not.toContain(JSON.stringify(secret).slice(1, -1));
        for (const one of hidden ?? []) {
          if (open?.has(one) === true) continue;
          looked += 1;
          expect(shown).not.toContain(`"${one}"`);
        }
      }),
      { numRuns: 60 },
    );
    expect(looked).toBeGreaterThan(100);
  });

  test('writes only pieces that fit, under the hash of their octets, one a slot', () => {
    const { pieces } = pack({ ...NOTHING, config: relayConfig({ rewriteRules: manyRules(300, 40) }) });
    expect(pieces.length).toBeGreaterThan(40);
    expect(new Set(pieces.map(({ slot }) => slot)).size).toBe(pieces.length);
    for (const piece of pieces) {
      expect(piece.key).toBe(createHash('sha256').update(piece.bytes).digest('hex'));
      expect(piece.bytes.length).toBeLessThanOrEqual(PIECE_BYTES);
    }
  });

  test('leaves every piece alone that does not hold a changed rule, the same object', () => {
    const rewriteRules = manyRules(500, 20);
    const packer = new Packer(KEY);
    const before = pack({ ...NOTHING, config: relayConfig({ rewriteRules }) }, packer);
    const changed = rewriteRules.map((one, at) =>
      at === 77 ? { ...one, addresses: one.addresses.slice(1) } : { ...one },
    );
    const after = pack({ ...NOTHING, config: relayConfig({ rewriteRules: changed }) }, packer);
    const fresh = after.pieces.filter((piece) => !before.pieces.includes(piece));
    expect(fresh).toHaveLength(1);
    expect(text(fresh[0] as Piece)).toContain('"rule-0077"');
    const parts = [...after.parts].filter(([name, part]) => before.parts.get(name) !== part);
    expect(parts.map(([name]) => name)).toEqual(['RewriteRule/rule-0077']);
  });

  test('cuts a large rule so that one more row changes one piece', () => {
    const [large] = manyRules(1, 20_000);
    if (large === undefined) throw new Error('there is no rule');
    const packer = new Packer(KEY);
    const before = pack({ ...NOTHING, config: relayConfig({ rewriteRules: [large] }) }, packer);
    const more = {
      ...large,
      addresses: [['new@tenant0.example', 'new@shared.example', 'Both'], ...large.addresses],
    } as RewriteRuleConfig;
    const after = pack({ ...NOTHING, config: relayConfig({ rewriteRules: [more] }) }, packer);
    expect(after.pieces.filter((piece) => !before.pieces.includes(piece))).toHaveLength(1);
  });

  test("tells a secret's piece by a hash that says nothing about the secret", () => {
    const input = { ...NOTHING, config: relayConfig(), credentials: new Map([['id', 'hunter2']]) };
    const keyOf = (key: string) => pack(input, new Packer(key)).pieces.find(isSecret);
    const [one, other] = [keyOf('one'), keyOf('other')];
    expect(one?.key).not.toBe(other?.key);
    expect(text(one as Piece)).toMatch(/^\{"type":"salt"/);
  });

  test('says what does not fit', () => {
    const noise = (at: number) => createHash('sha512').update(String(at)).digest('base64');
    const credentials = new Map([['id', Array.from({ length: 10_000 }, (_, at) => noise(at)).join('')]]);
    const packed = new Packer(KEY).pack({ ...NOTHING, config: relayConfig(), credentials });
    expect(packed).toEqual({
      ok: false,
      tooLarge: expect.stringMatching(/^it needs .* MiB packed, and its 16 Secrets take/),
    });
  });

  test('says when what was removed lately is what does not fit', () => {
    const noise = (row: number) => createHash('sha256').update(String(row)).digest('base64url');
    const was = rule('gone', {
      addresses: Array.from({ length: 200_000 }, (_, row) => [`${noise(row)}@t.example`, `u${row}@s.example`, 'Both']),
    });
    const grave: Tombstone = { kind: 'RewriteRule', namespace: 'mail', fleet: 'main', name: 'gone', expiresAt: 1, was };
    const input = { ...NOTHING, config: relayConfig(), confidentialRules: new Set(['gone']), tombstones: [grave] };
    expect(new Packer(KEY).pack(input)).toEqual({
      ok: false,
      tooLarge: expect.stringMatching(/: .* MiB of it hold what was removed lately; .*removedDomainHoldSeconds/),
    });
  });
});

describe('what is stored', () => {
  const stored = pack({ ...NOTHING, config: relayConfig({ rewriteRules: manyRules(40, 2000) }) });

  test.each([
    ['no piece at all', [], /0 heads/],
    ['a piece that is no gzip', [Buffer.from('nothing')], /no gzip/],
    ['a piece too few', bytes(stored.pieces).filter((_, at) => at !== 7), /not whole|0 heads/],
    ['two heads', [...bytes(stored.pieces), ...bytes(pack({ ...NOTHING, config: relayConfig() }).pieces)], /2 heads/],
  ])('is refused with %s', (_, pieces, reason) => {
    expect(unpackStored(pieces, [], 'x', KEY)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});
