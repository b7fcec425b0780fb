import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../../support/child-process.ts';
import { smtpSource } from '../../support/smtp-source.ts';

const CLIENTS = 60;
const OCTETS = 10_000_000;
/** Node itself takes 90 MiB; 60 clients with 256 KiB each, twice while a buffer grows, and what the network holds ready. */
const PEAK_KIB = 300 * 1024;

test('many clients that send large messages at once take little memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-memory-'));
  const server = start(process.execPath, [join(import.meta.dirname, 'receiving-process.ts'), folder]);
  const [, port] = await server.waitForOutput(/listening on (\d+)/);
  const result = await smtpSource({
    host: '127.0.0.1',
    port: Number(port),
    from: 'a@client.example',
    to: 'b@relay.example',
    messages: CLIENTS,
    sessions: CLIENTS,
    length: OCTETS,
  });
  expect(result.code, result.stderr).toBe(0);
  await server.stop();
  const peak = Number(/peak (\d+) KiB/.exec(server.output())?.[1]);
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(PEAK_KIB);
  rmSync(folder, { recursive: true });
});
