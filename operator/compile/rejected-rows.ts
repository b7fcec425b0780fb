/** Says which rows of a rule are rejected and why: by place always, by value unless they come from a Secret. */

import { REASONS } from '../../crds/v1alpha1/conditions.ts';
import type { PartialReason, Report } from './conditions.ts';
import { listed } from './order.ts';
import type { Place } from './rows.ts';

/** A table of 50,000 broken rows has one cause, and ten examples show it. */
const EXAMPLES = 10;
/** In a check's output, where somebody goes through them one by one. */
const FINDINGS = 100;

export interface RejectedRow {
  readonly reason: PartialReason;
  readonly problem: string;
  readonly held: readonly string[];
  readonly place: Place;
  /** `john@x → john@y`, as written. */
  readonly values: string;
}

const MEANING: Record<PartialReason, string> = {
  Conflicted: 'of addresses that another rule holds',
  OutsideDomain: 'outside the domains of the rule',
  InvalidRow: 'that cannot be read',
  DuplicateRow: 'that repeat an earlier one',
};

export function rejectRows(report: Report, rejected: readonly RejectedRow[], confidential: boolean): void {
  for (const reason of REASONS.PartiallyInvalid) {
    const rows = rejected.filter((row) => row.reason === reason);
    if (rows.length === 0) continue;
    const places = listed(
      rows.map(({ place }) => place.text),
      EXAMPLES,
    );
    const message = `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} ${MEANING[reason]}: ${places}.`;
    const parts = rows.slice(0, FINDINGS).map(({ place, problem, values }) => ({
      path: place.path,
      message: confidential ? `${place.text}: ${problem}.` : `${place.text}: ${problem} (${values}).`,
    }));
    const rest = rows.length - parts.length;
    const more = rest > 0 ? [{ message: `And ${rest} more rows ${MEANING[reason]}.` }] : [];
    report.partial(reason, message, [...parts, ...more]);
  }
}
