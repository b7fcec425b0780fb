/** Delivery reports as other programs read them: structure, fields, and nothing that a next hop's words could break. */

import { describe, expect, it } from 'vitest';
import { type DeliveryReport, formatDeliveryReport } from '../../../relay/core/dsn.ts';
import { reply } from '../../../relay/core/reply.ts';

const REPORT: DeliveryReport = {
  hostname: 'relay.shared.example',
  queueId: '01ABC00001.0',
  sender: 'john@tenant1.example',
  failed: [
    { address: 'gone@world.example', reply: reply(550, '5.1.1', 'no such user') },
    { address: 'full@world.example', reply: reply(554, undefined, 'never again') },
  ],
  originalHeader: Buffer.from('From: john@tenant1.example\r\nSubject: Hello\r\n'),
  date: new Date(Date.UTC(2026, 10, 22, 7, 30)),
};

interface Read {
  readonly header: string;
  readonly parts: readonly { readonly header: string; readonly text: string }[];
}

function read(over: Partial<DeliveryReport> = {}): Read {
  const { headerSection, body } = formatDeliveryReport({ ...REPORT, ...over });
  const header = Buffer.from(headerSection).toString();
  const text = Buffer.from(body).toString('latin1');
  const boundary = /boundary="([^"]+)"/.exec(header)?.[1] ?? '';
  expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
  expect(text).not.toMatch(/[^\r]\n|\r[^\n]|[^\u0000-\u007f]/);
  const parts = text
    .slice(0, -`--${boundary}--\r\n`.length)
    .split(`--${boundary}\r\n`)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\r\n\r\n');
      const [partHeader, content] = [part.slice(0, end), part.slice(end + 4)];
      const decoded = /base64/.test(partHeader) ? Buffer.from(content, 'base64').toString() : content;
      return { header: partHeader, text: decoded };
    });
  return { header, parts };
}

describe('formatDeliveryReport', () => {
  const { header, parts } = read();

  it('is a multipart/report of three parts (RFC 6522)', () => {
    expect(header).toContain('Content-Type: multipart/report; report-type=delivery-status;\r\n');
    expect(parts.map((part) => part.header)).toEqual([
      'Content-Type: text/plain; charset=utf-8',
      'Content-Type: message/delivery-status',
      'Content-Type: text/rfc822-headers; charset=utf-8',
    ]);
  });

  it('is addressed to the sender, and nothing answers it (RFC 3834)', () => {
    expect(header).toContain('From: Mail Delivery System <postmaster@relay.shared.example>\r\n');
    expect(header).toContain('To: <john@tenant1.example>\r\n');
    expect(header).toContain('Auto-Submitted: auto-replied\r\n');
    expect(header).toContain('Date: Sun, 22 Nov 2026 07:30:00 +0000\r\n');
    expect(header).toContain('Message-ID: <report.01ABC00001.0@relay.shared.example>\r\n');
  });

  it('has a group of fields for the message and one for each recipient (RFC 3464)', () => {
    expect(parts[1]?.text.trimEnd().split('\r\n\r\n')).toEqual([
      'Reporting-MTA: dns; relay.shared.example\r\nX-Queue-ID: 01ABC00001.0\r\nArrival-Date: Sun, 22 Nov 2026 07:30:00 +0000',
      'Final-Recipient: rfc822; gone@world.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user',
      'Final-Recipient: rfc822; full@world.example\r\nAction: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 554 never again',
    ]);
  });

  it('tells a reader what happened, and gives the header back', () => {
    expect(parts[0]?.text).toContain('  gone@world.example\r\n    550 5.1.1 no such user\r\n');
    expect(parts[2]?.text).toBe('From: john@tenant1.example\r\nSubject: Hello\r\n\r\n');
  });

  it("keeps a next hop's words on one line of printable ASCII", () => {
    const words = reply(550, '5.1.1', 'no\r\nAction: delivered\n\u0000größe\u007f');
    const status = read({ failed: [{ address: 'x@world.example', reply: words }] }).parts[1]?.text;
    expect(status).toContain('Diagnostic-Code: smtp; 550 5.1.1 no Action: delivered gr??e \r\n');
    expect(status?.match(/^Action:/gm)).toHaveLength(1);
  });

  it('sends what is not ASCII in base64', () => {
    const original = Buffer.from('Subject: größe\r\n');
    const { parts: encoded } = read({ originalHeader: original });
    expect(encoded[2]?.header).toContain('Content-Transfer-Encoding: base64');
    expect(encoded[2]?.text).toBe('Subject: größe\r\n');
  });

  it('cannot be ended early by the message it is about', () => {
    const forged = Buffer.from('X: --=_report_01ABC00001.0--\r\n');
    expect(read({ originalHeader: forged }).parts).toHaveLength(3);
  });

  it('names recipients beyond ASCII as RFC 6533 writes them', () => {
    const status = read({ failed: [{ address: 'jörg@bücher.example', reply: reply(550, '5.1.1', 'no') }] }).parts[1];
    expect(status?.text).toContain('Final-Recipient: utf-8; j\\x{F6}rg@b\\x{FC}cher.example\r\n');
  });
});
