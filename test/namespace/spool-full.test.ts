import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BodyMemory } from '../../relay/smtp/body-memory.ts';
import { receiveMessage } from '../../relay/smtp/receive.ts';
import { runOrThrow } from '../support/child-process.ts';
import { useAddresses } from '../support/namespace.ts';

test('a body that the spool disk cannot take whole is deferred, and the disk is free again', async () => {
  // Refuses to go on outside a namespace: nothing may be mounted on the machine itself.
  await useAddresses([]);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-spool-full-'));
  await runOrThrow('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', folder]);
  const receive = (octets: number) => {
    const lines = Readable.from([Buffer.from('A: 1\r\n\r\n'), ...Array(octets / 1000).fill(Buffer.alloc(1000, 'x'))]);
    // Without a share of the process's memory, a body above 256 KiB must go to the disk.
    return receiveMessage(lines, { limits: { headerBytes: 1000 }, spool: { folder }, memory: new BodyMemory(0) });
  };
  const full = { ok: false, reply: { code: 452, enhancedStatus: '4.3.1' }, cause: { code: 'ENOSPC' } };
  expect(await receive(1_000_000)).toMatchObject(full);
  await expect.poll(async () => (await receive(300_000)).ok).toBe(true);
  await runOrThrow('umount', ['-l', folder]);
  rmSync(folder, { recursive: true });
});
