import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFront } from '../../../relay/smtp/front.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

test('whoever talks before the greeting is sent away, and no session hears of it', async () => {
  const sessions = new RecordingSessions();
  const refused: string[] = [];
  const events = { connectionRefused: (reason: string) => refused.push(reason) };
  const front = await startFront({ ...frontOptions(sessions), events });
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-early-'));
  const heard = join(folder, 'heard');
  // While bash connects and sends, this process, which is the server too, stands still: nothing can be accepted before.
  const talk = `exec 3<>/dev/tcp/127.0.0.1/${front.addresses[0]?.port}
    printf 'EHLO client.example\\r\\nMAIL FROM:<a@client.example>\\r\\n' >&3
    (cat <&3 >'${heard}.part'; mv '${heard}.part' '${heard}') >/dev/null 2>&1 &`;
  expect(spawnSync('bash', ['-c', talk]).status).toBe(0);
  await expect.poll(() => readIfThere(heard)).toBe('421 4.7.0 Wait for the greeting before you send\r\n');
  expect(refused).toEqual(['earlyTalker']);
  expect(sessions.connections).toEqual([]);
  rmSync(folder, { recursive: true });
  await front.close();
});

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
