/** Says which rows of a rule are rejected and why: by place always, by value unless they come from a Secret. */

import { REASONS } from '../../crds/v1alpha1/conditions.ts';
import type { PartialReason, Report } from './conditions.ts';
import { type Place, placeText } from './rows.ts';

/** A table of 50,000 broken rows has one cause, and ten examples show it. */
const EXAMPLES = 10;
/** In a check's output, where somebody goes through them one by one. */
const FINDINGS = 100;

export interface RejectedRow {
  readonly reason: PartialReason;
  readonly problem: string;
  readonly held: readonly string[];
  readonly place: Place;
  /** `john@x → john@y`, as written; undefined where nothing could be made of it. */
  readonly values: string | undefined;
}

const MEANING: Record<PartialReason, string> = {
  Conflicted: 'held by another rule',
  OutsideDomain: 'outside the domains of the rule',
  InvalidRow: 'not readable',
  DuplicateRow: 'repeating an earlier row',
};

export function rejectRows(report: Report, rejected: readonly RejectedRow[], confidential: boolean): void {
  for (const reason of REASONS.PartiallyInvalid) {
    const rows = rejected.filter((row) => row.reason === reason);
    if (rows.length === 0) continue;
    const message = `${countRows(rows.length)} ${MEANING[reason]}: ${examples(rows.map(({ place }) => place))}.`;
    const parts = rows.slice(0, FINDINGS).map(({ place, problem, values }) => {
      const value = confidential || values === undefined ? '' : ` (${values})`;
      return { path: place.path, message: atPlace(place, `${problem}${value}.`) };
    });
    const rest = rows.length - parts.length;
    const more = rest > 0 ? [{ message: `And ${rest} more rows ${MEANING[reason]}.` }] : [];
    report.partial(reason, message, [...parts, ...more]);
  }
}

/** A row of a table is told by its line; one of the resource by the field, which a finding has anyway. */
export function atPlace(place: Place, text: string): string {
  return place.line === undefined ? text : `${placeText(place)}: ${text}`;
}

export function countRows(count: number): string {
  return `${count} ${count === 1 ? 'row' : 'rows'}`;
}

/** `ConfigMap "users", key "users.csv", lines 3, 9 and 17 more; spec.addresses[4]` */
function examples(places: readonly Place[]): string {
  const lines = new Map<string, string[]>();
  for (const { where, line } of places.slice(0, EXAMPLES)) {
    const known = lines.get(where) ?? [];
    lines.set(where, line === undefined ? known : [...known, `${line}`]);
  }
  const texts = [...lines].map(([where, numbers]) => {
    if (numbers.length === 0) return where;
    return `${where}, ${numbers.length === 1 ? 'line' : 'lines'} ${numbers.join(', ')}`;
  });
  const rest = places.length - EXAMPLES;
  return rest > 0 ? `${texts.join('; ')} and ${rest} more` : texts.join('; ');
}
