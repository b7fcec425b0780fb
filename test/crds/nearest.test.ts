/** Suggestions for misspelt words. */

import { expect, test } from 'vitest';
import { nearest, suggestion } from '../../crds/nearest.ts';

const FIELDS = ['domain', 'fleetRef', 'inbound', 'outbound', 'dkim', 'tls'];

test.each([
  ['domian', 'domain'],
  ['Domain', 'domain'],
  ['domains', 'domain'],
  ['fleetref', 'fleetRef'],
  ['tsl', undefined],
  ['arc', undefined],
  ['', undefined],
  ['d'.repeat(100000), undefined],
])('%.20s → %s', (word, near) => {
  expect(nearest(word, FIELDS)).toBe(near);
});

test('without a near word all are named', () => {
  expect(suggestion('arc', ['dkim', 'tls'])).toBe('known here: dkim, tls');
  expect(suggestion('arc', [])).toBe('there is none here');
});
