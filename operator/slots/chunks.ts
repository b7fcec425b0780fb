/** What a configuration is stored as: chunks, each a gzip member that is made once and moves as a whole. */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Credentials, RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';
import type { PieceItem } from '../../relay/core/manifest.ts';
import type { AddressRows } from '../../relay/core/pieces.ts';
import { textHash } from '../../relay/core/text-hash.ts';
import { graveKey, type Tombstone } from '../compile/tombstones.ts';
import { cutAddresses, cutRows, ruleWith } from './cut.ts';
import type { KeyedHash } from './parts.ts';

export interface Chunk {
  /** Unique in a configuration; equal from one to the next. */
  readonly name: string;
  /** Decides about its slot. */
  readonly home: number;
  /** Equal texts have the same octets: the very same object. */
  readonly bytes: Uint8Array;
}

export interface CutRule {
  readonly chunks: readonly Chunk[];
  /** Content hash of the rule. */
  readonly part: string;
}

export class ChunkMaker {
  readonly #hash: KeyedHash;
  readonly #rules = new WeakMap<RewriteRuleConfig, CutRule>();
  readonly #graves = new WeakMap<RewriteRuleConfig, readonly Chunk[]>();
  /** By hash of the text. */
  #before = new Map<string, Uint8Array>();
  #now = new Map<string, Uint8Array>();
  readonly #keys = new WeakMap<Uint8Array, string>();

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /** What is not asked for between two calls is forgotten. */
  begin(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  rule(rule: RewriteRuleConfig): CutRule {
    const known = this.#rules.get(rule);
    if (known !== undefined) {
      for (const chunk of known.chunks) this.#remember(chunk);
      return known;
    }
    const texts = ruleTexts(rule);
    const chunks = texts.map((text, part) => this.#chunk(`rule/${rule.name}/${part}`, text));
    const cut = { chunks, part: this.#hash(texts.join('\n')) };
    this.#rules.set(rule, cut);
    return cut;
  }

  head({ revision: _revision, rewriteRules: _rules, held, ...rest }: RelayConfig): Chunk {
    const { addresses: _addresses, ...otherwiseHeld } = held;
    return this.#chunk('head', itemText({ type: 'head', config: { ...rest, held: otherwiseHeld } }));
  }

  heldAddresses(addresses: readonly string[]): Chunk[] {
    return cutAddresses(addresses).map((some, part) =>
      this.#chunk(`held/${part}`, itemText({ type: 'heldAddresses', addresses: some })),
    );
  }

  credentials(credentials: Credentials): Chunk[] {
    return [...credentials].map(([id, text]) =>
      this.#chunk(`credential/${id}`, itemText({ type: 'credential', id, text })),
    );
  }

  tombstone(tombstone: Tombstone): readonly Chunk[] {
    const { namespace, fleet, name, expiresAt, kind } = tombstone;
    const prefix = `tombstone/${graveKey(kind, tombstone.was).replaceAll(' ', '/')}`;
    if (tombstone.kind !== 'RewriteRule') return [this.#chunk(prefix, itemText({ type: 'tombstone', tombstone }))];
    const grave = { type: 'tombstoneRule', namespace, fleet, name, expiresAt } as const;
    const { was } = tombstone;
    const rows = this.#tombstoneRows(was, prefix, (part, parts, addresses) =>
      itemText({ ...grave, expiresAt: 0, part, parts, rule: ruleWith(was, addresses, []) }),
    );
    // Its time moves with every look while it is left out: it stands in the first item, which has no rows.
    const parts = rows.length + 1;
    const body = itemText({ ...grave, part: 0, parts, rule: ruleWith(was, [], was.domains) });
    return [this.#chunk(`${prefix}/0`, body), ...rows];
  }

  /** Not kept: it is part of one piece only. */
  salt(salt: string): Uint8Array {
    return gzip(itemText({ type: 'salt', salt }));
  }

  #tombstoneRows(
    was: RewriteRuleConfig,
    prefix: string,
    text: (part: number, parts: number, addresses: AddressRows) => string,
  ): readonly Chunk[] {
    const known = this.#graves.get(was);
    if (known !== undefined) {
      for (const chunk of known) this.#remember(chunk);
      return known;
    }
    const cut = was.addresses.length === 0 ? [] : cutRows(was);
    const chunks = cut.map((addresses, at) =>
      this.#chunk(`${prefix}/${at + 1}`, text(at + 1, cut.length + 1, addresses)),
    );
    this.#graves.set(was, chunks);
    return chunks;
  }

  #chunk(name: string, text: string): Chunk {
    const key = createHash('sha256').update(text, 'utf8').digest('base64');
    const bytes = this.#now.get(key) ?? this.#before.get(key) ?? gzip(text);
    this.#keys.set(bytes, key);
    const chunk = { name, home: textHash(name), bytes };
    this.#remember(chunk);
    return chunk;
  }

  #remember({ bytes }: Chunk): void {
    const key = this.#keys.get(bytes);
    if (key !== undefined) this.#now.set(key, bytes);
  }
}

/** The rule as its chunks hold it, the same for whoever has the same rows in another order. */
export function ruleTexts(rule: RewriteRuleConfig): string[] {
  const cut = cutRows(rule);
  const item = (addresses: AddressRows, part: number) =>
    itemText({
      type: 'rule',
      part,
      parts: cut.length,
      rule: ruleWith(rule, addresses, part === 0 ? rule.domains : []),
    });
  return cut.map(item);
}

function itemText(item: PieceItem): string {
  return `${JSON.stringify(item)}\n`;
}

function gzip(text: string): Uint8Array {
  // What zlib gives is a view of a buffer of 16 KiB; it would stay in memory as a whole.
  return new Uint8Array(gzipSync(text));
}
