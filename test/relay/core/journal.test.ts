/** What makes a message a journal report. */

import { expect, it } from 'vitest';
import { isJournalReport } from '../../../relay/core/journal.ts';

it.each([
  ['X-MS-Journal-Report:\r\n', true],
  ['From: a@b.example\r\nX-MS-Journal-Report: \r\nTo: c@d.example\r\n', true],
  ['from: a@b.example\r\nx-ms-journal-report : yes\r\n', true],
  ['X-MS-Journal-Report-Not: \r\n', false],
  ['Subject: about\r\n X-MS-Journal-Report:\r\n', false],
  ['Subject: X-MS-Journal-Report: \r\n', false],
  ['', false],
])('%j is a journal report: %s', (header, expected) => {
  expect(isJournalReport(Buffer.from(header))).toBe(expected);
});
