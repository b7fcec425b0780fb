import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Front, startFront } from '../../../relay/smtp/front.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const WORDS = [
  'EHLO',
  'HELO',
  'MAIL',
  'RCPT',
  'DATA',
  'RSET',
  'NOOP',
  'STARTTLS',
  'BDAT',
  'FROM:',
  'TO:',
  '<a@x.example>',
  '<>',
  '<',
  '>',
  '"',
  '\\',
  '@',
  ' ',
  ':',
  '=',
  'SIZE=1',
  'SMTPUTF8',
  '\r\n',
  '\r',
  '\n',
  '.',
  '\r\n.\r\n',
  '\0',
  '\xff',
  'x'.repeat(600),
  'EHLO x\r\n',
  'MAIL FROM:<a@x.example>\r\n',
  'RCPT TO:<b@x.example>\r\n',
  'DATA\r\n',
  'x: y\r\n\r\nbody\r\n.\r\n',
];
const REPLIES = /^(?:\d{3}(?:-[^\r\n]*\r\n\d{3})*(?: [^\r\n]*)?\r\n)*$/;
const failures: unknown[] = [];
let front: Front;

beforeAll(async () => {
  const events = { failed: (error: unknown) => failures.push(error) };
  front = await startFront({ ...frontOptions(new RecordingSessions()), events });
});
afterAll(() => front.close());

/** Everything heard until the server closes, which a client that shuts its sending side makes it do. */
async function converse(parts: readonly string[]): Promise<string> {
  const socket = connect(front.addresses[0]?.port ?? 0, '127.0.0.1');
  let heard = '';
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  await once(socket, 'data');
  for (const part of parts) socket.write(part, 'latin1');
  socket.end();
  await once(socket, 'close');
  return heard;
}

test('no bytes whatever break the front, and every answer is a reply', async () => {
  const parts = fc.array(
    fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join('')),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(parts, async (sent) => {
      expect(await converse(sent)).toMatch(REPLIES);
    }),
    { numRuns: 1000 },
  );
  expect(failures).toEqual([]);
  await expect.poll(() => front.connections()).toBe(0);
});
