/** Bytes at random in front of the greeting: nobody becomes who no whole line, from a trusted balancer, says he is. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BALANCER, ELSEWHERE, line, startBehind } from './proxy-fixture.ts';

const WORDS = [
  'PROXY ',
  'PROXY TCP4 ',
  'PROXY UNKNOWN',
  'TCP6 ',
  '127.0.0.11 ',
  '203.0.113.9 192.0.2.25 ',
  '2001:db8::9 ',
  '50000 25',
  ' ',
  '\r\n',
  '\r',
  '\n',
  '\r\n\r\n\0\r\nQUIT\n',
  'x'.repeat(90),
  'EHLO x\r\n',
  'MAIL FROM:<a@x.example>\r\n',
  line('203.0.113.9'),
  line('2001:db8::9'),
];
const REPLIES = /^(?:\d{3}(?:-[^\r\n]*\r\n\d{3})*(?: [^\r\n]*)?\r\n)*$/;
/** What may be said for somebody, by another reading than the relay's own. */
const NAMING = /^PROXY TCP(?:4 ([\d.]+) [\d.]+|6 ([\da-f:]+) [\da-f:]+) \d+ \d+\r\n/;
const UNKNOWN = /^PROXY UNKNOWN[^\n]*\r\n/;

const words = (count: number) => fc.array(fc.constantFrom(...WORDS), { maxLength: count }).map((all) => all.join(''));
const sending = fc.record({
  from: fc.constantFrom(BALANCER, ELSEWHERE),
  parts: fc
    .tuple(fc.constantFrom('', line('203.0.113.9'), line('2001:db8::9')), fc.array(words(4), { maxLength: 4 }))
    .map(([first, parts]) => [first, ...parts]),
});

async function converse(port: number, localAddress: string, parts: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  let heard = '';
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  for (const part of parts) {
    socket.write(part, 'latin1');
    await turn();
  }
  socket.end();
  await closed;
  return heard;
}

/** Whose sessions these bytes may open. */
function allowed(mode: 'Optional' | 'Required', from: string, bytes: string): string[] {
  if (from === ELSEWHERE) return mode === 'Optional' ? [ELSEWHERE] : [];
  const named = NAMING.exec(bytes);
  if (named !== null) return [named[1] ?? named[2] ?? ''];
  if (UNKNOWN.test(bytes)) return [BALANCER];
  return mode === 'Optional' ? [BALANCER] : [];
}

test.each(['Optional', 'Required'] as const)('%s', async (mode) => {
  const { sessions, front, failures, port } = await startBehind(mode);
  let named = 0;
  await fc.assert(
    fc.asyncProperty(sending, async ({ from, parts }) => {
      const before = sessions.connections.length;
      expect(await converse(port, from, parts)).toMatch(REPLIES);
      const opened = sessions.connections.slice(before).map(({ address }) => address);
      expect(allowed(mode, from, parts.join(''))).toEqual(expect.arrayContaining(opened));
      if (opened.some((address) => address !== from)) named += 1;
    }),
    { numRuns: 1000 },
  );
  expect(named).toBeGreaterThan(10);
  expect(failures).toEqual([]);
  await expect.poll(() => front.connections()).toBe(0);
});
