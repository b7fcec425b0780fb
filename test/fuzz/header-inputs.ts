/** Header sections for the fuzzer: well-formed ones whose addresses are known, and what becomes of them when octets are damaged. */

import type { Random } from './random.ts';

export interface HeaderInput {
  readonly octets: Uint8Array;
  /** Nothing is damaged: no tenant's domain may be left in an address field once it is rewritten. */
  readonly wellFormed: boolean;
}

export const TENANT_DOMAINS = ['tenant1.example', 'tenant2.example', 'tenant3.example'];
const ADDRESSES = [
  'john@tenant1.example',
  'JOHN@Tenant1.Example',
  'john+tag@tenant1.example',
  'john+a+b@tenant1.example',
  '"john"@tenant1.example',
  '"jo\\hn"@tenant1.example',
  '"two words"@tenant1.example',
  'mary@tenant2.example',
  "Mary.O'Hara@tenant2.example",
  '"mary \\"m\\""@tenant2.example',
  'j\u00f6rg@tenant2.example',
  'x@deep.sub.tenant3.example',
  'x@TENANT3.example.',
  'john (his name) @ tenant1.example',
  'john @\r\n tenant1.example',
  'mary@(where)tenant2.example(there)',
  'eve@world.example',
  'eve@[192.0.2.1]',
  'eve@[IPv6:2001:db8::1]',
];
/** Put where a name stands: some are the address itself, which is rewritten too. */
const NAMES = [
  '',
  'John',
  '"Smith, John"',
  '"john@tenant1.example"',
  '"\'john@tenant1.example\'"',
  '=?utf-8?q?J=C3=B6rg?=',
  '=?utf-8?b?am9obkB0ZW5hbnQxLmV4YW1wbGU=?=',
  '=?iso-8859-1?q?=E4?= =?utf-8?q?x?=',
  'M\u00fcller',
  '"a \\" quote"',
];
const ADDRESS_FIELDS =
  'From Sender Reply-To Resent-From Resent-Sender Disposition-Notification-To Return-Receipt-To Errors-To Mail-Followup-To To Cc Bcc Resent-To Resent-Cc'.split(
    ' ',
  );
const OTHER_FIELDS = [
  'Subject: john@tenant1.example',
  'Message-ID: <1@tenant1.example>',
  'Date: Sun, 22 Nov 2026 06:00:00 +0000',
  'Received: from tenant1.example by tenant2.example; Sun, 22 Nov 2026 06:00:00 +0000',
  'References: <john@tenant1.example>\r\n <mary@tenant2.example>',
  'List-Post: <mailto:john@tenant1.example>',
  'X-MS-Exchange-Organization-AuthAs: Internal',
  'X-MS-Exchange-CrossTenant-Id: 11111111-aaaa-bbbb-cccc-000000000001',
  'X-MS-Exchange-CrossPremises-AuthAs\t: Internal',
  'X-Forefront-Antispam-Report: a;\r\n\tb',
  'x-originatororg: tenant1.onmicrosoft.com',
  'Authentication-Results: relay.shared.example; spf=pass',
  'Authentication-Results: (a) "Relay.Shared.Example" 1; none',
  'Authentication-Results: other.example; spf=pass',
  'DKIM-Signature: v=1; d=tenant1.example; h=From:To; bh=; b=',
  'DKIM-Signature: v=1; d=bank.example; h=From:To; bh=; b=',
  'ARC-Seal: i=1; d=tenant1.example',
  'X-Isthmus-Trace: v=1; n=3; k=00000000;\r\n h=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'X-Isthmus-Trace: v=1',
  'X-MS-Journal-Report:',
  'Content-Type: multipart/signed; boundary=x',
];
/** What parsers stumble over. */
const TROUBLE = [
  ...'\r \n \r\n \r\n\t \0 < > ( ) " \\ @ , ; : [ ] = ? . + \x7f'.split(' '),
  ' ',
  '\r\n ',
  '=?',
  '?=',
  '=?utf-8?q?',
  '=?x?b?====?=',
  '\u00e4',
  '\ud83d\ude00',
  '\r\nFrom: ',
  '\r\n: ',
  'john@tenant1.example',
  '@tenant2.example',
  'tenant3.example',
  '(((((((',
  '"""""""',
  '<<<<<<<',
];

export function makeHeader(random: Random): HeaderInput {
  const lines = random.some(8, () => (random.once(3) ? random.pick(OTHER_FIELDS) : addressField(random)));
  const octets = Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'utf8');
  if (random.once(3)) return { octets, wellFormed: true };
  return { octets: damage(random, octets), wellFormed: false };
}

function addressField(random: Random): string {
  const name = spelled(random, random.pick(ADDRESS_FIELDS));
  const entries = random.some(4, () => entry(random));
  const separator = random.pick([', ', ',', ',\r\n ', ' ,\r\n\t']);
  return `${name}${random.pick([':', ': ', ' : ', ':\r\n '])}${entries.join(separator)}`;
}

function entry(random: Random): string {
  const address = random.pick(ADDRESSES);
  switch (random.below(5)) {
    case 0:
      return address;
    case 1:
      return `${random.pick(['Friends', '"My friends"'])}: ${address}, <${random.pick(ADDRESSES)}>;`;
    case 2:
      return `${address} (${random.pick(['a comment', 'nested (one) \\) here', 'john@tenant1.example'])})`;
    default:
      return `${random.pick(NAMES)} <${address}>`;
  }
}

function spelled(random: Random, name: string): string {
  return random.once(4) ? name.toUpperCase() : random.once(4) ? name.toLowerCase() : name;
}

function damage(random: Random, octets: Uint8Array): Uint8Array {
  let damaged = octets;
  for (let times = 1 + random.below(4); times > 0; times--) damaged = damageOnce(random, damaged);
  return damaged;
}

function damageOnce(random: Random, octets: Uint8Array): Uint8Array {
  const at = random.below(octets.length + 1);
  const until = Math.min(octets.length, at + 1 + random.below(12));
  const [before, cut, after] = [octets.subarray(0, at), octets.subarray(at, until), octets.subarray(until)];
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, cut, cut, after]);
    case 2:
      return Buffer.concat([before, Buffer.from([random.below(256)]), after]);
    case 3:
      return before;
    default:
      return Buffer.concat([before, Buffer.from(random.pick(TROUBLE), 'utf8'), cut, after]);
  }
}
