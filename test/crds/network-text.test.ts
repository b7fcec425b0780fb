/** Addresses and networks as texts, against an independent reader. */

import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { Cidr, formatIp, parseIp } from '../../crds/network-text.ts';

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('%s is %s', (text, canonical) => {
    const bytes = parseIp(text);
    expect(bytes && formatIp(bytes)).toBe(canonical);
  });

  test.each([
    '',
    '192.0.2',
    '192.0.2.1.1',
    '192.0.2.256',
    '192.0.2.01',
    '0x7f.0.0.1',
    '192.0.2.-1',
    ' 192.0.2.1',
    '192.0.2.1\n',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1::',
    '1::2::3',
    '12345::',
    'g::',
    ':1::',
    '192.0.2.1::',
    '::192.0.2.1:1',
    '::ffff:192.0.2.1',
    '::ffff:c000:201',
    'fe80::1%eth0',
    '[::1]',
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('formatted is read back, and read alike by another reader', () => {
    const bytes = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        fc.pre(!ipaddr.fromByteArray(address).toString().startsWith('::ffff:'));
        const text = formatIp(address);
        expect(parseIp(text)).toEqual(address);
        expect(ipaddr.parse(text).toByteArray()).toEqual(address);
      }),
    );
  });
});

describe('a network', () => {
  test.each([
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['192.0.2.255/25', '192.0.2.128/25'],
    ['192.0.2.255/0', '0.0.0.0/0'],
    ['192.0.2.255/32', '192.0.2.255/32'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['::1/128', '::1/128'],
    ['::1/0', '::/0'],
  ])('%s without host bits is %s', (text, masked) => {
    expect(Cidr.parse(text)?.masked().toString()).toBe(masked);
  });

  test.each([
    '192.0.2.0',
    '192.0.2.0/',
    '192.0.2.0/33',
    '192.0.2.0/024',
    '192.0.2.0/+8',
    '::/129',
    '/8',
    '::ffff:0:0/96',
  ])('%j is none', (text) => {
    expect(Cidr.parse(text)).toBeUndefined();
  });
});
