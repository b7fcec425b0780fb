import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DotStuffing } from '../../../relay/next-hop/dot-stuffing.ts';

function stuffed(...pieces: readonly string[]): string {
  const stuffing = new DotStuffing();
  const out: Uint8Array[] = [];
  for (const piece of pieces) stuffing.add(Buffer.from(piece, 'latin1'), out);
  out.push(stuffing.end());
  return Buffer.concat(out).toString('latin1');
}

/** What a receiver makes of it (RFC 5321 §4.5.2). */
function received(text: string): { content: string; rest: string } {
  let content = '';
  for (let rest = text; ; ) {
    const end = rest.indexOf('\r\n');
    if (end < 0) throw new Error(`no final dot in ${JSON.stringify(text)}`);
    const line = rest.slice(0, end);
    rest = rest.slice(end + 2);
    if (line === '.') return { content, rest };
    content += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
  }
}

describe('dots', () => {
  test.each([
    [[''], '.\r\n'],
    [['a\r\n'], 'a\r\n.\r\n'],
    [['a'], 'a\r\n.\r\n'],
    [['a\r'], 'a\r\r\n.\r\n'],
    [['a\n'], 'a\n\r\n.\r\n'],
    [['.\r\n'], '..\r\n.\r\n'],
    [['.'], '..\r\n.\r\n'],
    [['\r\n.\r\n'], '\r\n..\r\n.\r\n'],
    [['a\r\n', '.b\r\n'], 'a\r\n..b\r\n.\r\n'],
    [['a\r', '\n.b\r\n'], 'a\r\n..b\r\n.\r\n'],
    [['a\r', '\n', '.b\r\n'], 'a\r\n..b\r\n.\r\n'],
    [['a\r\n', '.', '\r', '\n'], 'a\r\n..\r\n.\r\n'],
    [['a.', '.b\r\n'], 'a..b\r\n.\r\n'],
    [['a\n', '.b\r\n'], 'a\n.b\r\n.\r\n'],
    [['..a\r\n..b\r\n'], '...a\r\n...b\r\n.\r\n'],
    [['\r', '\n'], '\r\n.\r\n'],
  ])('%j goes out as %j', (pieces, expected) => {
    expect(stuffed(...pieces)).toBe(expected);
  });

  test('the receiver gets the content back, wherever it was cut, and nothing behind it', () => {
    const octets = fc.array(fc.constantFrom('\r\n', '.', '..', 'a', '\r\n.\r\n', '\u00ff', ' '), { maxLength: 40 });
    fc.assert(
      fc.property(octets, fc.array(fc.nat(80), { maxLength: 8 }), (parts, cuts) => {
        const content = parts.join('');
        const borders = [0, ...cuts.map((cut) => Math.min(cut, content.length)).sort((a, b) => a - b), content.length];
        const pieces = borders.slice(1).map((end, index) => content.slice(borders[index], end));
        const whole = content === '' || content.endsWith('\r\n') ? content : `${content}\r\n`;
        expect(received(stuffed(...pieces))).toEqual({ content: whole, rest: '' });
      }),
    );
  });

  test('a piece without dots at line beginnings is passed on as it is, not copied', () => {
    const piece = Buffer.from('no dot\r\nhere. or .there\r\n');
    const out: Uint8Array[] = [];
    new DotStuffing().add(piece, out);
    expect(out).toHaveLength(1);
    expect(out[0]).toBe(piece);
  });

  test('a megabyte of nothing but dots is a few pieces', () => {
    const out: Uint8Array[] = [];
    new DotStuffing().add(Buffer.from('.\r\n'.repeat(350_000)), out);
    expect(out.length).toBeLessThan(4);
    expect(Buffer.concat(out).length).toBe(4 * 350_000);
  });
});
