/** Reads back what a fleet has stored: the configuration that runs, what is remembered, and what each resource became. */

import { gunzipSync } from 'node:zlib';
import type { Credentials, RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';
import {
  type AddressRows,
  type JoinedRule,
  joinPieces,
  joinRules,
  type PieceContent,
  PieceReader,
} from '../../relay/core/pieces.ts';
import { compareText } from '../compile/order.ts';
import { graveKey, type Tombstone } from '../compile/tombstones.ts';
import { ruleTexts } from './chunks.ts';
import { keyedHash, partsOf } from './parts.ts';

/** A piece is at most 0.45 MiB of gzip, which unpacks to at most a thousand times as much. */
const UNPACKED_BYTES = 512 * 1024 * 1024;

export type Unpacked =
  | {
      readonly ok: true;
      readonly config: RelayConfig;
      readonly credentials: Credentials;
      readonly tombstones: readonly Tombstone[];
      /** As Packer takes them: what lay in Secrets. */
      readonly confidentialRules: ReadonlySet<string>;
      /** As Packer makes them of the same configuration with the same key. */
      readonly parts: Map<string, string>;
    }
  | { readonly ok: false; readonly reason: string };

type Content = PieceContent<AddressRows>;
type ReadPieces = { readonly ok: true; readonly value: Content[] } | { readonly ok: false; readonly reason: string };

/** Pieces in any order, their hashes verified. */
export function unpackStored(
  pieces: readonly Uint8Array[],
  memory: readonly Uint8Array[],
  revision: string,
  key: string,
): Unpacked {
  const read = readPieces([...pieces, ...memory]);
  if (!read.ok) return read;
  const joined = joinPieces(read.value, revision);
  if (!joined.ok) return joined;
  const { config: rest, rules, credentials } = joined.value;
  const graves = readTombstones(read.value);
  if (!graves.ok) return graves;
  const { held, ...others } = rest;
  const config: RelayConfig = {
    ...others,
    rewriteRules: rules.map(wholeRule),
    held: { ...held, addresses: [...held.addresses].sort(compareText) },
  };
  const hash = keyedHash(key);
  const confidential = read.value.filter((content) => content.salted);
  return {
    ok: true,
    config,
    credentials: new Map([...credentials].sort(([a], [b]) => compareText(a, b))),
    tombstones: graves.value,
    confidentialRules: new Set(
      confidential.flatMap(({ rules: parts, tombstoneRules }) =>
        [...parts, ...tombstoneRules].map(({ rule }) => rule.name),
      ),
    ),
    parts: partsOf(config, (rule) => hash(ruleTexts(rule).join('\n'))),
  };
}

function readPieces(pieces: readonly Uint8Array[]): ReadPieces {
  const contents: Content[] = [];
  for (const bytes of pieces) {
    const reader = new PieceReader<AddressRows>((rows) => rows);
    let text: string;
    try {
      text = gunzipSync(bytes, { maxOutputLength: UNPACKED_BYTES }).toString('utf8');
    } catch {
      return { ok: false, reason: 'a piece is no gzip' };
    }
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const problem = reader.line(line);
      if (problem !== undefined) return { ok: false, reason: problem };
    }
    contents.push(reader.content);
  }
  return { ok: true, value: contents };
}

function wholeRule({ rule, parts }: JoinedRule<AddressRows>): RewriteRuleConfig {
  return { ...rule, addresses: parts.length === 1 ? (parts[0] ?? []) : parts.flat() };
}

function readTombstones(
  contents: readonly Content[],
): { readonly ok: true; readonly value: Tombstone[] } | { readonly ok: false; readonly reason: string } {
  const parts = contents.flatMap((content) => content.tombstoneRules);
  const rules = joinRules(parts);
  if (!rules.ok) return rules;
  const first = new Map(parts.filter(({ part }) => part === 0).map((one) => [one.name, one]));
  const ofRules = rules.value.flatMap((joined): Tombstone[] => {
    const grave = first.get(joined.rule.name);
    if (grave === undefined) return [];
    const { namespace, fleet, name, expiresAt } = grave;
    return [{ namespace, fleet, name, expiresAt, kind: 'RewriteRule', was: wholeRule(joined) }];
  });
  const all: Tombstone[] = [...contents.flatMap((content) => content.tombstones), ...ofRules];
  return { ok: true, value: all.sort((a, b) => compareText(graveKey(a.kind, a.was), graveKey(b.kind, b.was))) };
}
