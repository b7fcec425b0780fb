import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressFamilyOf,
  cidrContains,
  isPublicAddress,
  parseAddress,
  parseCidr,
} from '../../../relay/core/network.ts';

function contains(cidr: string, address: string): boolean {
  const block = parseCidr(cidr);
  const parsed = parseAddress(address);
  if (block === undefined || parsed === undefined) throw new Error(`cannot read ${cidr} or ${address}`);
  return cidrContains(block, parsed);
}

describe('addresses that mail for the internet may be sent to', () => {
  test.each([
    ['8.8.8.8'],
    ['198.51.100.7'],
    ['192.0.2.1'],
    ['203.0.113.255'],
    ['100.63.255.255'],
    ['172.32.0.1'],
    ['2606:4700::1111'],
    ['2001:db8::25'],
    ['64:ff9b::808:808'],
    ['2002:808:808::1'],
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    ['127.0.0.1'],
    ['127.255.255.254'],
    ['0.0.0.0'],
    ['0.1.2.3'],
    ['10.0.0.1'],
    ['172.16.0.1'],
    ['172.31.255.255'],
    ['192.168.1.1'],
    ['100.64.0.1'],
    ['100.127.255.255'],
    ['169.254.169.254'],
    ['224.0.0.1'],
    ['239.255.255.255'],
    ['240.0.0.1'],
    ['255.255.255.255'],
    ['::'],
    ['::1'],
    ['fe80::1'],
    ['fec0::1'],
    ['fc00::1'],
    ['fdff::1'],
    ['ff02::1'],
    ['::ffff:8.8.8.8'],
    ['::ffff:127.0.0.1'],
    ['::127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['64:ff9b::a00:1'],
    ['64:ff9b:1::808:808'],
    ['2002:7f00:1::'],
    ['2002:a00:1::1'],
    ['2001::1'],
    ['100::1'],
    ['4000::1'],
    ['fe80::1%eth0'],
    ['0x7f.1'],
    ['2130706433'],
    ['0177.0.0.1'],
    ['127.1'],
    ['mail.example'],
    [''],
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test('no address inside a refused block is public, whichever it is', () => {
    const blocks = ['10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '100.64.0.0/10', '224.0.0.0/3', '0.0.0.0/8'];
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        if (blocks.some((block) => contains(block, address))) expect(isPublicAddress(address)).toBe(false);
        expect(isPublicAddress(`::ffff:${address}`)).toBe(false);
      }),
    );
  });
});

describe('CIDRs', () => {
  test.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['203.0.113.9/32', '203.0.113.9', true],
    ['203.0.113.9/32', '203.0.113.8', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::/0', '192.0.2.1', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
  ])('%s contains %s: %s', (cidr, address, expected) => {
    expect(contains(cidr, address)).toBe(expected);
  });

  test.each([
    ['192.0.2.1/24'],
    ['192.0.2.0/33'],
    ['192.0.2.0'],
    ['192.0.2.0/'],
    ['192.0.2.0/024'],
    ['192.0.2.0/-1'],
    ['192.0.2.0/24/24'],
    ['2001:db8::1/64'],
    ['2001:db8::/129'],
    ['fe80::%eth0/64'],
    ['example.com/24'],
    ['/24'],
    [''],
  ])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

test.each([
  ['192.0.2.1', 4],
  ['2001:db8::1', 6],
  ['::ffff:192.0.2.1', 6],
  ['mail.example', 0],
  ['[192.0.2.1]', 0],
  ['192.0.2', 0],
] as const)('%s is of family %d', (text, family) => {
  expect(addressFamilyOf(text)).toBe(family);
});
