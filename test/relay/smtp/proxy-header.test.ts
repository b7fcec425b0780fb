import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseProxyHeader } from '../../../relay/smtp/proxy-header.ts';

const read = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));
const LONGEST_UNKNOWN = `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`;

describe('a PROXY line names', () => {
  test.each([
    ['PROXY TCP4 192.0.2.1 198.51.100.25 56324 25', '192.0.2.1', 56_324, '198.51.100.25', 25],
    ['PROXY TCP4 255.255.255.255 0.0.0.0 65535 0', '255.255.255.255', 65_535, '0.0.0.0', 0],
    ['PROXY TCP6 2001:db8::1 2001:db8::25 56324 25', '2001:db8::1', 56_324, '2001:db8::25', 25],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 25', '::ffff:192.0.2.1', 1, '::1', 25],
  ])('%s', (line, address, port, localAddress, localPort) => {
    const named = { address, port, localAddress, localPort };
    expect(read(`${line}\r\nEHLO x\r\n`)).toEqual({ kind: 'complete', octets: line.length + 2, named });
  });

  test.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ff\x00 what ever\r\n', LONGEST_UNKNOWN])('nobody: %j', (line) => {
    expect(read(line)).toEqual({ kind: 'complete', octets: line.length, named: undefined });
  });
});

test('the longest line that the specification allows is taken, and none longer', () => {
  expect(LONGEST_UNKNOWN.length).toBe(107);
  expect(read(LONGEST_UNKNOWN.replace('\r\n', 'x\r\n')).kind).toBe('malformed');
  expect(read(LONGEST_UNKNOWN.slice(0, 106)).kind).toBe('incomplete');
});

test.each([
  'PROXY TCP4 192.0.2.1 198.51.100.25 56324 25\n',
  'PROXY \r\n',
  'PROXY UNKNOWNX\r\n',
  'PROXY UDP4 192.0.2.1 198.51.100.25 56324 25\r\n',
  'PROXY tcp4 192.0.2.1 198.51.100.25 56324 25\r\n',
  'PROXY TCP4  192.0.2.1 198.51.100.25 56324 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.25 56324 25 \r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.25 56324\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.25 65536 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.25 025 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.25 +1 25\r\n',
  'PROXY TCP4 192.0.2.256 198.51.100.25 1 25\r\n',
  'PROXY TCP4 3221225985 198.51.100.25 1 25\r\n',
  'PROXY TCP4 0x7f.0.0.1 198.51.100.25 1 25\r\n',
  'PROXY TCP4 2001:db8::1 2001:db8::25 1 25\r\n',
  'PROXY TCP6 192.0.2.1 198.51.100.25 1 25\r\n',
  'PROXY TCP6 fe80::1%eth0 2001:db8::25 1 25\r\n',
  `PROXY TCP4 ${'1'.repeat(200)}`,
])('no PROXY line: %j', (line) => {
  expect(read(line)).toEqual({ kind: 'malformed' });
});

test.each(['EHLO client.example\r\n', 'proxy TCP4 ', 'PROXYTCP4', '\r\nQUIT'])('something else: %j', (line) => {
  expect(read(line)).toEqual({ kind: 'absent' });
});

test('version 2 is known by its twelve octets, whole', () => {
  const signature = '\r\n\r\n\0\r\nQUIT\n';
  for (let length = 0; length < signature.length; length++) {
    expect(read(signature.slice(0, length))).toEqual({ kind: 'incomplete' });
  }
  expect(read(`${signature}\x21\x11\0\x0c`)).toEqual({ kind: 'version2' });
});

test('cut anywhere, a line is incomplete until its end; more behind it changes nothing', () => {
  const address = fc.oneof(
    fc.tuple(fc.constant('TCP4'), fc.ipV4(), fc.ipV4()),
    fc.tuple(fc.constant('TCP6'), fc.ipV6(), fc.ipV6()),
  );
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(address, port, port, fc.string(), ([family, from, to], fromPort, toPort, behind) => {
      const line = `PROXY ${family} ${from} ${to} ${fromPort} ${toPort}\r\n`;
      const whole = read(line);
      expect(whole).toMatchObject({ kind: 'complete', octets: line.length, named: { address: from, port: fromPort } });
      expect(read(line + behind)).toEqual(whole);
      for (let at = 0; at < line.length; at++) expect(read(line.slice(0, at))).toEqual({ kind: 'incomplete' });
    }),
  );
});

test('whatever comes, what it is does not change once it is known', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY UNKNOWN', '\r\n\r\n\0\r\nQUIT\n');
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
      const bytes = Buffer.concat([Buffer.from(beginning, 'latin1'), rest]);
      let known = parseProxyHeader(Buffer.alloc(0));
      expect(known.kind).toBe('incomplete');
      for (let length = 1; length <= bytes.length; length++) {
        const now = parseProxyHeader(bytes.subarray(0, length));
        if (known.kind !== 'incomplete') expect(now).toEqual(known);
        known = now;
      }
      if (bytes.length >= 107) expect(known.kind).not.toBe('incomplete');
    }),
  );
});
