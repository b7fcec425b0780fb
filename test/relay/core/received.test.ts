import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../../relay/core/header.ts';
import { countReceived, formatReceived, type ReceivedFacts } from '../../../relay/core/received.ts';

const FACTS: ReceivedFacts = {
  clientAddress: '192.0.2.1',
  helo: 'mail.world.example',
  by: 'relay.shared.example',
  protocol: 'ESMTP',
  id: 'ab12',
  date: new Date('2026-11-02T03:04:05.678Z'),
};

test('a Received field says who, to whom, how and when', () => {
  expect(formatReceived(FACTS)).toBe(
    'Received: from mail.world.example ([192.0.2.1])\r\n' +
      ' by relay.shared.example with ESMTP\r\n' +
      ' id ab12; Mon, 02 Nov 2026 03:04:05 +0000\r\n',
  );
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
  expect(
    formatReceived({ ...FACTS, clientAddress: '2001:db8::1', rdns: 'mx.world.example', protocol: 'ESMTPS', tls }),
  ).toBe(
    'Received: from mail.world.example (mx.world.example [IPv6:2001:db8::1])\r\n' +
      ' by relay.shared.example with ESMTPS\r\n' +
      ' (version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)\r\n' +
      ' id ab12; Mon, 02 Nov 2026 03:04:05 +0000\r\n',
  );
});

describe('what a client calls itself stays a name', () => {
  test.each([
    ['[192.0.2.9]', '[192.0.2.9]'],
    ['[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
    ['bücher.example', 'bücher.example'],
    ['', 'unknown'],
    ['x'.repeat(300), 'x'.repeat(255)],
    ['x\r\nSubject: y', 'x??Subject:?y'],
    ['x (by good.example) for <a@b>', 'x??by?good.example??for??a?b?'],
    ['x;y"\\', 'x?y??'],
    ['x\u0085\u0000\ud800', 'x???'],
  ])('%j', (helo, expected) => {
    expect(formatReceived({ ...FACTS, helo })).toContain(`Received: from ${expected} ([192.0.2.1])\r\n`);
  });

  test('whatever it is, the field is one field', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (helo, rdns) => {
        const header = parseHeader(Buffer.from(formatReceived({ ...FACTS, helo, rdns })));
        expect(header.fields.map(({ name }) => name)).toEqual(['received']);
      }),
    );
  });
});

test('hops are counted by Received fields alone', () => {
  const text =
    'Received: a\r\n Received: b\r\nRECEIVED:c\r\nX-Received: d\r\nSubject: Received: e\r\nReceived-SPF: f\r\n';
  expect(countReceived(parseHeader(Buffer.from(text)))).toBe(2);
});
