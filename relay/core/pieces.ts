/** Puts a configuration together from its pieces: every part of every rule, exactly one head, or a reason. */

import type { z } from 'zod';
import { DIRECTIONS, type RelayConfig, type RewriteRuleConfig } from './config.ts';
import { type PieceItem, pieceItemSchema } from './manifest.ts';

export type AddressRows = RewriteRuleConfig['addresses'];
export type RuleBody = Omit<RewriteRuleConfig, 'addresses'>;
type ItemOf<Type extends PieceItem['type']> = Extract<PieceItem, { type: Type }>;
export type Head = ItemOf<'head'>['config'];
export type TombstoneItem = ItemOf<'tombstone'>['tombstone'];

/** `Rows` is what the reader keeps rows as: a million small arrays are too much for a relay. */
export interface RulePart<Rows> {
  readonly rule: RuleBody;
  readonly part: number;
  readonly parts: number;
  readonly rows: Rows;
}

export type TombstoneRulePart<Rows> = RulePart<Rows> &
  Pick<ItemOf<'tombstoneRule'>, 'namespace' | 'fleet' | 'name' | 'expiresAt'>;

export interface PieceContent<Rows> {
  readonly heads: Head[];
  readonly rules: RulePart<Rows>[];
  readonly heldAddresses: (readonly string[])[];
  readonly credentials: { readonly id: string; readonly text: string }[];
  readonly tombstones: TombstoneItem[];
  readonly tombstoneRules: TombstoneRulePart<Rows>[];
  /** It lies in a Secret. */
  salted: boolean;
}

/** Reads a piece line by line, so that whoever has other things to do can do them in between. */
export class PieceReader<Rows> {
  readonly content: PieceContent<Rows> = {
    heads: [],
    rules: [],
    heldAddresses: [],
    credentials: [],
    tombstones: [],
    tombstoneRules: [],
    salted: false,
  };
  readonly #keep: (rows: AddressRows, rule: string) => Rows;

  /** `keep` may throw: then line() does. */
  constructor(keep: (rows: AddressRows, rule: string) => Rows) {
    this.#keep = keep;
  }

  /** What is wrong with the line; undefined: it is an item. */
  line(text: string): string | undefined {
    const read = readItem(text);
    if (!read.ok) return read.reason;
    const { item, rows } = read;
    switch (item.type) {
      case 'head':
        this.content.heads.push(item.config);
        return undefined;
      case 'rule':
        this.content.rules.push(this.#part(item, rows));
        return undefined;
      case 'heldAddresses':
        this.content.heldAddresses.push(item.addresses);
        return undefined;
      case 'credential':
        this.content.credentials.push({ id: item.id, text: item.text });
        return undefined;
      case 'salt':
        this.content.salted = true;
        return undefined;
      case 'tombstone':
        this.content.tombstones.push(item.tombstone);
        return undefined;
      case 'tombstoneRule': {
        const { namespace, fleet, name, expiresAt } = item;
        this.content.tombstoneRules.push({ namespace, fleet, name, expiresAt, ...this.#part(item, rows) });
      }
    }
    return undefined;
  }

  #part({ rule, part, parts }: ItemOf<'rule' | 'tombstoneRule'>, rows: AddressRows): RulePart<Rows> {
    const { addresses: _addresses, ...body } = rule;
    return { rule: body, part, parts, rows: this.#keep(rows, rule.name) };
  }
}

type ReadItem =
  | { readonly ok: true; readonly item: PieceItem; readonly rows: AddressRows }
  | { readonly ok: false; readonly reason: string };

function readItem(text: string): ReadItem {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return refuse('a line of a piece is no JSON');
  }
  // A schema costs microseconds a row: rows are looked at by hand, what is left by the schema.
  const rows = takeRows(raw);
  if (rows === undefined) return refuse('a rule of a piece holds a row that is not [internal, external, direction]');
  const parsed = pieceItemSchema.safeParse(raw);
  // As it was written, its fields in their order: hashes are made of them.
  if (parsed.success) return { ok: true, item: raw as PieceItem, rows };
  return refuse(`an item of a piece is not as it should be: ${problemText(parsed.error)}`);
}

/** Takes a rule's rows out of its item; undefined: they are none. */
function takeRows(raw: unknown): AddressRows | undefined {
  const rule = field(raw, 'rule');
  const rows = field(rule, 'addresses');
  if (rows === undefined) return [];
  if (!Array.isArray(rows) || !rows.every(isRow)) return undefined;
  (rule as { addresses: unknown }).addresses = [];
  return rows;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

const KNOWN_DIRECTIONS: ReadonlySet<unknown> = new Set(DIRECTIONS);

function isRow(row: unknown): row is AddressRows[number] {
  if (!Array.isArray(row) || row.length !== 3) return false;
  return typeof row[0] === 'string' && typeof row[1] === 'string' && KNOWN_DIRECTIONS.has(row[2]);
}

/** Paths only: a value may be a secret. */
function problemText(error: z.ZodError): string {
  return [...new Set(error.issues.map(({ path, code }) => `${path.map(String).join('.')} (${code})`))].join(', ');
}

export interface JoinedRule<Rows> {
  readonly rule: RuleBody;
  readonly parts: readonly Rows[];
}

export interface JoinedPieces<Rows> {
  /** Without rules; held addresses in no order. */
  readonly config: Omit<RelayConfig, 'rewriteRules'>;
  /** By name. */
  readonly rules: readonly JoinedRule<Rows>[];
  readonly credentials: ReadonlyMap<string, string>;
}

export type JoinResult<Rows> =
  | { readonly ok: true; readonly value: JoinedPieces<Rows> }
  | { readonly ok: false; readonly reason: string };

export function joinPieces<Rows>(pieces: readonly PieceContent<Rows>[], revision: string): JoinResult<Rows> {
  const heads = pieces.flatMap((piece) => piece.heads);
  const [head] = heads;
  if (head === undefined || heads.length > 1) return refuse(`the pieces hold ${heads.length} heads and not one`);
  const rules = joinRules(pieces.flatMap((piece) => piece.rules));
  if (!rules.ok) return rules;
  const { format, fleet, sharedDomains, tenantRoutes } = head;
  const addresses = pieces.flatMap((piece) => piece.heldAddresses).flat();
  const held = { ...head.held, addresses };
  const credentials = new Map(pieces.flatMap((piece) => piece.credentials.map(({ id, text }) => [id, text])));
  const config = { format, revision, fleet, sharedDomains, tenantRoutes, held };
  return { ok: true, value: { config, rules: rules.value, credentials } };
}

type JoinedRules<Rows> =
  | { readonly ok: true; readonly value: readonly JoinedRule<Rows>[] }
  | { readonly ok: false; readonly reason: string };

/** By name; part 0 says what the others leave out. */
export function joinRules<Rows>(all: readonly RulePart<Rows>[]): JoinedRules<Rows> {
  const byName = new Map<string, RulePart<Rows>[]>();
  for (const one of all) {
    const known = byName.get(one.rule.name);
    if (known === undefined) byName.set(one.rule.name, [one]);
    else known.push(one);
  }
  const rules: JoinedRule<Rows>[] = [];
  for (const name of [...byName.keys()].sort()) {
    const parts = (byName.get(name) ?? []).sort((a, b) => a.part - b.part);
    const [first] = parts;
    const whole = parts.every(({ part, parts: count }, at) => part === at && count === parts.length);
    if (first === undefined || !whole) return refuse(`RewriteRule ${name} is not whole`);
    rules.push({ rule: first.rule, parts: parts.map(({ rows }) => rows) });
  }
  return { ok: true, value: rules };
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
