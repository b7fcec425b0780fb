/** Journal reports are evidence: whoever archives them must be able to show what Exchange wrote (mail-flow §6). */

import { latin1Text } from './octets.ts';

/** At the beginning of a line, so never in a folded value; RFC 5322 §4.5 allows white space before the colon. */
const JOURNAL_REPORT = /(?:^|\n)x-ms-journal-report[ \t]*:/i;

/** Only a proven tenant's word counts: the field is a stranger's text like any other. */
export function isJournalReport(headerSection: Uint8Array): boolean {
  return JOURNAL_REPORT.test(latin1Text(headerSection, 0, headerSection.length));
}
