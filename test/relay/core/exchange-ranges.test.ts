/** The published addresses of Exchange Online: inside, outside, and next to them. */

import { expect, it } from 'vitest';
import { EXCHANGE_RANGES_DATE, isPublishedExchangeAddress } from '../../../relay/core/exchange-ranges.ts';

it.each([
  ['40.107.1.1', true],
  ['40.92.0.0', true],
  ['40.93.255.255', true],
  ['40.95.0.1', false],
  ['52.103.255.255', true],
  ['104.47.127.255', true],
  ['104.47.128.0', false],
  ['2a01:111:f400:7e1b::1', true],
  ['2a01:111:f401::1', false],
  ['127.0.0.1', false],
  ['unknown', false],
])('%s: %s', (address, expected) => {
  expect(isPublishedExchangeAddress(address)).toBe(expected);
});

it('says when it was looked at', () => {
  expect(EXCHANGE_RANGES_DATE).toMatch(/^20\d\d-\d\d-\d\d$/);
});
