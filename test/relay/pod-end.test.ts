/** How a relay pod ends: it takes mail as a lame duck, lets sessions come to their end, and cuts nothing after a final dot. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { certificateFolder, type Identity } from '../support/certificates.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { configFor, packed, PodFolders, TestPod, tlsFiles, UNTIL, volume } from './pod-fixture.ts';

const certificates = certificateFolder();
const MESSAGE = 'Subject: x\r\n\r\nx\r\n';
let identity: Identity;
let sink: SmtpSink;
let slow: SmtpSink;
let folders: PodFolders;
let pod: TestPod;

beforeAll(async () => {
  identity = await (await certificates.authority('test')).issue({ names: ['relay.shared.example'] });
  // -w: it waits so many seconds before it answers the final dot.
  [sink, slow] = await Promise.all([startSmtpSink(), startSmtpSink({ args: ['-w', '4'] })]);
});

afterAll(async () => {
  await Promise.all([sink?.stop(), slow?.stop()]);
  certificates.remove();
});

beforeEach(() => {
  folders = new PodFolders();
});

afterEach(async () => {
  await pod?.process.stop('SIGKILL');
  folders.remove();
});

interface Times {
  readonly lameDuckSeconds: number;
  readonly drainSeconds: number;
}

async function readyPod(times: Times, port = sink.port, environment: Readonly<Record<string, string>> = {}) {
  const config = configFor('one', port, ['john'], { fleet: times });
  folders.tls.set(tlsFiles(identity));
  folders.config.set(volume({ proven: packed(config) }));
  pod = await TestPod.start(folders, environment);
  await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
}

const greeted = () => RawSmtp.greeted(pod.host, pod.port);
const tell = () => process.kill(pod.process.pid, 'SIGTERM');

async function begun(): Promise<RawSmtp> {
  const client = await greeted();
  for (const line of ['MAIL FROM:<a@world.example>', 'RCPT TO:<john@shared.example>', 'DATA'])
    await client.command(line);
  return client;
}

describe('a pod that is told to end', { timeout: 60_000 }, () => {
  test('ends at once when it runs nothing', async () => {
    pod = await TestPod.start(folders);
    tell();
    expect(await pod.process.exited).toBe(0);
  });

  test('takes mail as a lame duck, ready at first and then unready, then no more, and ends with 0', async () => {
    await readyPod({ lameDuckSeconds: 3, drainSeconds: 60 });
    const [idle, late] = [await greeted(), await begun()];
    tell();
    await pod.process.waitForOutput(/"msg":"draining"/);
    expect(await pod.isReady()).toBe(true);
    const fresh = await greeted();
    expect((await fresh.send('a@world.example', ['john@shared.example'], MESSAGE)).code).toBe(250);
    await expect.poll(() => pod.isReady(), UNTIL).toBe(false);
    // Whoever has not heard of it yet is still served.
    const last = await greeted();
    expect((await last.send('a@world.example', ['john@shared.example'], MESSAGE)).code).toBe(250);
    for (const session of [idle, last]) expect((await session.read()).code).toBe(421);
    await expect(RawSmtp.open(pod.host, pod.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    late.write(`${MESSAGE}.\r\n`);
    expect((await late.read()).code).toBe(250);
    expect((await late.read()).code).toBe(421);
    expect(await pod.process.exited).toBe(0);
  });

  test('cuts what is before its final dot when drainSeconds are over, and nothing after it, however often it is told', async () => {
    await readyPod({ lameDuckSeconds: 0, drainSeconds: 1 }, slow.port);
    const [early, past] = [await begun(), await begun()];
    past.write(`${MESSAGE}.\r\n`);
    tell();
    tell();
    expect((await early.read()).code).toBe(421);
    await early.closed();
    tell();
    expect((await past.read()).code).toBe(250);
    expect(await pod.process.exited).toBe(0);
  });

  test('does the same with several workers', async () => {
    await readyPod({ lameDuckSeconds: 1, drainSeconds: 60 }, sink.port, { ISTHMUS_WORKERS: '2' });
    const clients = [await begun(), await begun()];
    tell();
    await expect.poll(() => pod.isReady(), UNTIL).toBe(false);
    for (const client of clients) {
      client.write(`${MESSAGE}.\r\n`);
      expect((await client.read()).code).toBe(250);
    }
    expect(await pod.process.exited).toBe(0);
  });
});
