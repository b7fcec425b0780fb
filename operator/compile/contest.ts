/** Who holds an address that several rules claim: whoever holds it in the running configuration, then the older rule, then by name. */

import { byAge } from './order.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import { type Claim, claimsOfRow } from './row-claims.ts';
import type { Row } from './rows.ts';

export interface Loss {
  readonly row: Row;
  /** The address or domain that is held. */
  readonly name: string;
  /** The rule that holds it. */
  readonly holder: string;
}

/** Keys of claims → rules that held them before, nearest first; asked only when something is disputed. */
export type RecordedHolders = (keys: ReadonlySet<string>) => ReadonlyMap<string, readonly string[]>;

interface ContestedRow {
  readonly rule: RewriteRuleDraft;
  readonly row: Row;
  /** Of the row's claims those that are disputed. */
  readonly claims: readonly Claim[];
}

/** Rows that may not be in force, by rule. All claims of a row stand or fall together. */
export function contest(rules: readonly RewriteRuleDraft[], recorded: RecordedHolders): Map<RewriteRuleDraft, Loss[]> {
  const disputed = disputedKeys(rules);
  const losses = new Map<RewriteRuleDraft, Loss[]>();
  if (disputed.size === 0) return losses;
  const rows = contestedRows(rules, disputed);
  for (const { contested, claim, holder } of award(rows, recorded(disputed))) {
    const list = losses.get(contested.rule) ?? [];
    list.push({ row: contested.row, name: claim.name, holder });
    losses.set(contested.rule, list);
  }
  return losses;
}

function claims(rule: RewriteRuleDraft, row: Row): Claim[] {
  return claimsOfRow(row, { mode: rule.mode, onlyTo: rule.onlyTo, tenantRoute: rule.tenantRoute?.name ?? '' });
}

function disputedKeys(rules: readonly RewriteRuleDraft[]): Set<string> {
  const targets = new Map<string, string>();
  const disputed = new Set<string>();
  for (const rule of rules) {
    for (const row of [...rule.rows, ...rule.formerRows]) {
      for (const { key, target } of claims(rule, row)) {
        const known = targets.get(key);
        if (known === undefined) targets.set(key, target);
        else if (known !== target) disputed.add(key);
      }
    }
  }
  return disputed;
}

/** Oldest rule first, the rows of a rule in their order. */
function contestedRows(rules: readonly RewriteRuleDraft[], disputed: ReadonlySet<string>): ContestedRow[] {
  return [...rules].sort(byAge).flatMap((rule) =>
    [...rule.rows, ...rule.formerRows].flatMap((row) => {
      const relevant = claims(rule, row).filter(({ key }) => disputed.has(key));
      return relevant.length === 0 ? [] : [{ rule, row, claims: relevant }];
    }),
  );
}

/**
 * Three rounds, each in order of age: rows that were in force before; rows that take nothing a recorded holder still wants; whatever
 * is free. No row that is left over could be in force, so running it again with its own outcome recorded changes nothing.
 */
function award(rows: readonly ContestedRow[], records: ReadonlyMap<string, readonly string[]>) {
  const held = new Map<string, { readonly target: string; readonly holder: string }>();
  const recorded = stillWanted(rows, records);
  const free = ({ key, target }: Claim) => {
    const holder = held.get(key);
    return holder === undefined || holder.target === target;
  };
  const rounds: ((row: ContestedRow) => boolean)[] = [
    ({ rule, claims }) => claims.every((claim) => free(claim) && recorded.get(claim.key) === rule.name),
    ({ rule, claims }) =>
      claims.every(
        (claim) => free(claim) && (held.has(claim.key) || (recorded.get(claim.key) ?? rule.name) === rule.name),
      ),
    ({ claims }) => claims.every(free),
  ];
  let left = rows;
  for (const mayHave of rounds) {
    left = left.filter((contested) => {
      if (!mayHave(contested)) return true;
      for (const { key, target } of contested.claims)
        if (!held.has(key)) held.set(key, { target, holder: contested.rule.name });
      return false;
    });
  }
  return left.map((contested) => {
    const claim = contested.claims.find((each) => !free(each));
    const holder = claim && held.get(claim.key);
    if (claim === undefined || holder === undefined) throw new Error('a row was left over that nothing stands against');
    return { contested, claim, holder: holder.holder };
  });
}

/** Of the rules that are recorded for a key the nearest that still claims it. */
function stillWanted(
  rows: readonly ContestedRow[],
  records: ReadonlyMap<string, readonly string[]>,
): Map<string, string> {
  const claimants = new Map<string, Set<string>>();
  for (const { rule, claims } of rows) {
    for (const { key } of claims) claimants.set(key, (claimants.get(key) ?? new Set()).add(rule.name));
  }
  const wanted = new Map<string, string>();
  for (const [key, names] of records) {
    const nearest = names.find((name) => claimants.get(key)?.has(name) === true);
    if (nearest !== undefined) wanted.set(key, nearest);
  }
  return wanted;
}
