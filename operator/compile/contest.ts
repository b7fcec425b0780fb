/**
 * Who holds an address that several rules claim: whoever holds it in the running configuration, then the older rule,
 * then by name.
 */

import type { ClaimIndex } from './claim-index.ts';
import { byAge } from './order.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import { type Claim, type Claimed, ClaimMap, claimsOfRow } from './row-claims.ts';
import type { Row } from './rows.ts';

export interface Loss {
  readonly row: Row;
  /** Of the row among those of its rule, as Holder numbers them. */
  readonly number: number;
  /** The address or domain that is held. */
  readonly name: string;
  /** The rule that holds it. */
  readonly holder: string;
}

/** For disputed claims of these rules those that held them before, nearest first; asked only when something is disputed. */
export type RecordedHolders = (
  rules: ReadonlySet<string>,
  isDisputed: (claim: Claimed) => boolean,
) => ClaimMap<readonly string[]>;

interface ContestedRow {
  readonly rule: RewriteRuleDraft;
  readonly number: number;
  readonly row: Row;
  /** Of the row's claims those that are disputed. */
  readonly claims: readonly Claim[];
}

/** Rows that may not be in force, by rule. All claims of a row stand or fall together. */
export function contest(
  rules: readonly RewriteRuleDraft[],
  index: ClaimIndex,
  recorded: RecordedHolders,
): Map<RewriteRuleDraft, Loss[]> {
  index.enter(rules);
  const losses = new Map<RewriteRuleDraft, Loss[]>();
  const rows = contestedRows(rules, index.disputedRows());
  if (rows.length === 0) return losses;
  const disputed = new ClaimMap<true>();
  for (const { claims } of rows) for (const claim of claims) disputed.set(claim, true);
  const names = new Set(rows.map(({ rule }) => rule.name));
  for (const { contested, claim, holder } of award(
    rows,
    recorded(names, (claim) => disputed.has(claim)),
  )) {
    const list = losses.get(contested.rule) ?? [];
    list.push({ row: contested.row, number: contested.number, name: claim.name, holder });
    losses.set(contested.rule, list);
  }
  return losses;
}

/** Oldest rule first, the rows of a rule in their order. */
function contestedRows(
  rules: readonly RewriteRuleDraft[],
  disputed: ReadonlyMap<string, readonly number[]>,
): ContestedRow[] {
  const rows = rules
    .filter(({ name }) => disputed.has(name))
    .sort(byAge)
    .flatMap((rule) =>
      (disputed.get(rule.name) ?? []).map((number) => {
        const row = rowAt(rule, number);
        return { rule, number, row, claims: claimsOfRow(row, rule) };
      }),
    );
  const targets = new ClaimMap<string>();
  const meansTwo = new ClaimMap<true>();
  for (const claim of rows.flatMap(({ claims }) => claims)) {
    const known = targets.get(claim);
    if (known === undefined) targets.set(claim, claim.target);
    else if (known !== claim.target) meansTwo.set(claim, true);
  }
  return rows
    .map((row) => ({ ...row, claims: row.claims.filter((claim) => meansTwo.has(claim)) }))
    .filter(({ claims }) => claims.length > 0);
}

function rowAt({ claimed: rows, formerRows }: RewriteRuleDraft, number: number): Row {
  return number < rows.length ? rows.row(number) : formerRows.row(number - rows.length);
}

/**
 * Three rounds, each in order of age: rows that were in force before; rows that take nothing a recorded holder still
 * wants; whatever is free. No row that is left over could be in force, so running it again with its own outcome
 * recorded changes nothing.
 */
function award(rows: readonly ContestedRow[], records: ClaimMap<readonly string[]>) {
  const targets = new ClaimMap<string>();
  const recorded = stillWanted(rows, records);
  const isFree = (claim: Claim) => (targets.get(claim) ?? claim.target) === claim.target;
  const isOwn = (claim: Claim, { name }: RewriteRuleDraft) => recorded.get(claim)?.has(name) === true;
  const isWanted = (claim: Claim) => recorded.has(claim) && !targets.has(claim);
  const rounds: ((row: ContestedRow) => boolean)[] = [
    ({ rule, claims }) => claims.every((claim) => isFree(claim) && isOwn(claim, rule)),
    ({ rule, claims }) => claims.every((claim) => isFree(claim) && (isOwn(claim, rule) || !isWanted(claim))),
    ({ claims }) => claims.every(isFree),
  ];
  let left = rows;
  for (const mayHave of rounds) {
    left = left.filter((contested) => {
      if (!mayHave(contested)) return true;
      for (const claim of contested.claims) targets.set(claim, claim.target);
      return false;
    });
  }
  const holders = nameHolders(rows, new Set(left));
  return left.map((contested) => {
    const claim = contested.claims.find((each) => !isFree(each));
    const holder = claim && holders.get(claim);
    if (claim === undefined || holder === undefined) throw new Error('a row was left over that nothing stands against');
    return { contested, claim, holder };
  });
}

/** Several rules may mean the same by an address; the oldest of them is named. */
function nameHolders(rows: readonly ContestedRow[], lost: ReadonlySet<ContestedRow>): ClaimMap<string> {
  const holders = new ClaimMap<string>();
  for (const row of rows) {
    if (lost.has(row)) continue;
    for (const claim of row.claims) if (!holders.has(claim)) holders.set(claim, row.rule.name);
  }
  return holders;
}

/** Of the rules that are recorded for a claim the nearest that still makes it, with those that mean the same by it. */
function stillWanted(
  rows: readonly ContestedRow[],
  records: ClaimMap<readonly string[]>,
): ClaimMap<ReadonlySet<string>> {
  const meanings = new ClaimMap<Map<string, string>>();
  for (const { rule, claims } of rows) {
    for (const claim of claims) {
      meanings.set(claim, (meanings.get(claim) ?? new Map<string, string>()).set(rule.name, claim.target));
    }
  }
  const wanted = new ClaimMap<ReadonlySet<string>>();
  for (const claim of rows.flatMap(({ claims }) => claims)) {
    const names = records.get(claim)?.filter((name) => meanings.get(claim)?.has(name) === true) ?? [];
    const [nearest] = names;
    if (nearest === undefined) continue;
    const target = meanings.get(claim)?.get(nearest);
    wanted.set(claim, new Set(names.filter((name) => meanings.get(claim)?.get(name) === target)));
  }
  return wanted;
}
