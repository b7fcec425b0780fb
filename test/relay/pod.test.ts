/** A relay pod by its folders: what it runs, what it keeps running, and what it says about that. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MANIFEST_FILE } from '../../relay/core/manifest.ts';
import { certificateFolder, type Identity } from '../support/certificates.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { configFor, packed, PodFolders, POD_UID, TestPod, tlsFiles, UNTIL, volume } from './pod-fixture.ts';

const certificates = certificateFolder();
let identity: Identity;
let sink: SmtpSink;
let folders: PodFolders;
let pods: TestPod[] = [];

beforeAll(async () => {
  identity = await (await certificates.authority('test')).issue({ names: ['relay.shared.example'] });
  sink = await startSmtpSink();
});

afterAll(async () => {
  await sink?.stop();
  certificates.remove();
});

beforeEach(() => {
  folders = new PodFolders();
  folders.tls.set(tlsFiles(identity));
});

afterEach(async () => {
  await Promise.all(pods.map((pod) => pod.process.stop('SIGKILL')));
  pods = [];
  folders.remove();
});

async function startPod(environment: Readonly<Record<string, string>> = {}): Promise<TestPod> {
  const pod = await TestPod.start(folders, environment);
  pods.push(pod);
  return pod;
}

const config = (revision: string, people: readonly string[]) => configFor(revision, sink.port, people);
const running = (pod: TestPod) => async () => (await pod.status()).running;

/** The code of the answer to RCPT for that person. */
async function answerFor(pod: TestPod, name: string): Promise<number> {
  const client = await RawSmtp.greeted(pod.host, pod.port);
  await client.command('MAIL FROM:<a@world.example>');
  const { code } = await client.command(`RCPT TO:<${name}@shared.example>`);
  await client.quit();
  return code;
}

describe('a pod', { timeout: 60_000 }, () => {
  test('is alive and unready until a complete configuration is mounted, then takes mail', async () => {
    const pod = await startPod();
    expect((await pod.get('/livez')).status).toBe(200);
    expect(await pod.isReady()).toBe(false);
    expect((await pod.get('/metrics')).status).toBe(200);
    expect(await pod.status()).toEqual({ podUid: POD_UID, formats: [1], findings: [] });
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    expect(await pod.status()).toMatchObject({ podUid: POD_UID, running: 'one' });
    const client = await RawSmtp.greeted(pod.host, pod.port);
    const answer = await client.send('a@world.example', ['john@shared.example'], 'Subject: x\r\n\r\nx\r\n');
    expect(answer.code).toBe(250);
    await client.quit();
    expect((await pod.get('/metrics')).body).toContain('isthmus_');
  });

  test('reads again what could not be read for a moment, though nothing is mounted anew', async () => {
    const files = volume({ proven: packed(config('one', ['john'])) });
    const [key = ''] = Object.keys(files).filter((name) => name.length === 64);
    folders.config.set({ ...files, [key]: '' });
    const pod = await startPod();
    await expect.poll(() => pod.process.output(), UNTIL).toContain('no complete configuration to apply');
    writeFileSync(join(folders.config.folder, '..data', key), files[key] ?? '');
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
  });

  test('takes a changed rule into force for the next command of an open session', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod();
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    const client = await RawSmtp.greeted(pod.host, pod.port);
    await client.command('MAIL FROM:<a@world.example>');
    expect((await client.command('RCPT TO:<mary@shared.example>')).code).toBe(550);
    folders.config.set(volume({ proven: packed(config('two', ['john', 'mary'])) }));
    await expect.poll(running(pod), UNTIL).toBe('two');
    await client.command('RSET');
    await client.command('MAIL FROM:<a@world.example>');
    expect((await client.command('RCPT TO:<mary@shared.example>')).code).toBe(250);
  });

  test('runs the candidate only when its annotation names it, and the proven one when that is not listed', async () => {
    const [one, two] = [packed(config('one', ['john'])), packed(config('two', ['john', 'mary']))];
    folders.config.set(volume({ proven: one, candidate: two }));
    const pod = await startPod();
    await expect.poll(running(pod), UNTIL).toBe('one');
    folders.config.set(volume({ proven: one, candidate: two, wanted: 'two' }));
    await expect.poll(running(pod), UNTIL).toBe('two');
    expect((await pod.status()).wanted).toBe('two');
    folders.config.set(volume({ proven: one, wanted: 'two' }));
    await expect.poll(running(pod), UNTIL).toBe('one');
    folders.config.set(volume({ proven: one, wanted: 'unheard-of' }));
    await expect.poll(async () => (await pod.status()).wanted, UNTIL).toBe('unheard-of');
    expect((await pod.status()).running).toBe('one');
  });

  test('keeps what it runs while a piece of the next is missing or damaged', async () => {
    const [one, two] = [packed(config('one', ['john'])), packed(config('two', ['john', 'mary']))];
    folders.config.set(volume({ proven: one }));
    const pod = await startPod();
    await expect.poll(running(pod), UNTIL).toBe('one');
    const fresh = two.pieces.find(({ key }) => one.pieces.every((piece) => piece.key !== key));
    const key = fresh?.key ?? '';
    const { [key]: _missing, ...incomplete } = volume({ proven: two });
    folders.config.set({ ...incomplete, revision: 'missing' });
    await expect.poll(async () => (await pod.status()).wanted, UNTIL).toBe('missing');
    folders.config.set({ ...incomplete, [key]: 'damaged', revision: 'damaged' });
    await expect.poll(async () => (await pod.status()).wanted, UNTIL).toBe('damaged');
    expect(await pod.status()).toMatchObject({ running: 'one' });
    expect((await pod.status()).refused).toBeUndefined();
    expect(await answerFor(pod, 'john')).toBe(250);
    folders.config.set(volume({ proven: two }));
    await expect.poll(running(pod), UNTIL).toBe('two');
  });

  test('begins with the proven revision when the one it is told to run is not complete', async () => {
    const [one, two] = [packed(config('one', ['john'])), packed(config('two', ['john', 'mary']))];
    const files = volume({ proven: one, candidate: { name: 'two', pieces: two.pieces }, wanted: 'two' });
    for (const { key } of two.pieces) if (one.pieces.every((piece) => piece.key !== key)) delete files[key];
    folders.config.set(files);
    const pod = await startPod();
    await expect.poll(running(pod), UNTIL).toBe('one');
  });

  test('starts with what ran last when nothing is mounted, and leaves it for what is mounted then', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const first = await startPod();
    await expect.poll(() => first.isReady(), UNTIL).toBe(true);
    folders.config.set(volume({ proven: packed(config('two', ['john', 'mary'])) }));
    await expect.poll(running(first), UNTIL).toBe('two');
    const kept = join(folders.state, 'last-verified', MANIFEST_FILE);
    await expect.poll(() => readFileSync(kept, 'utf8'), UNTIL).toContain('"two"');
    await first.process.stop('SIGKILL');
    folders.config.set({});
    const second = await startPod();
    await expect.poll(running(second), UNTIL).toBe('two');
    expect(await answerFor(second, 'mary')).toBe(250);
    folders.config.set(volume({ proven: packed(config('three', ['john'])) }));
    await expect.poll(running(second), UNTIL).toBe('three');
    expect(await answerFor(second, 'mary')).toBe(550);
  });

  test('refuses a configuration it cannot run, says so, and goes on with the last', async () => {
    const good = config('one', ['john']);
    folders.config.set(volume({ proven: packed(good) }));
    const pod = await startPod();
    await expect.poll(running(pod), UNTIL).toBe('one');
    const signing = { selector: 's', key: 'no-such-credential', algorithm: 'RSA2048' as const };
    const poison = {
      ...good,
      revision: 'bad',
      sharedDomains: good.sharedDomains.map((one) => ({ ...one, dkim: [signing] })),
    };
    folders.config.set(volume({ proven: packed(good), candidate: packed(poison), wanted: 'bad' }));
    await expect.poll(async () => (await pod.status()).refused?.revision, UNTIL).toBe('bad');
    expect((await pod.status()).refused?.reason).toMatch(/shared\.example/);
    expect(await pod.status()).toMatchObject({ running: 'one', wanted: 'bad' });
    expect(await pod.isReady()).toBe(true);
    expect(await answerFor(pod, 'john')).toBe(250);
    folders.config.set(volume({ proven: packed(good), wanted: 'one' }));
    await expect.poll(async () => (await pod.status()).refused, UNTIL).toBeUndefined();
  });

  test('refuses pieces that are whole and say nothing it understands', async () => {
    const good = packed(config('one', ['john']));
    folders.config.set(volume({ proven: good }));
    const pod = await startPod();
    await expect.poll(running(pod), UNTIL).toBe('one');
    const headless = packed(config('two', ['john', 'mary'])).pieces.filter(({ key }) =>
      good.pieces.every((piece) => piece.key !== key),
    );
    folders.config.set(volume({ proven: { name: 'two', pieces: headless } }));
    await expect.poll(async () => (await pod.status()).refused?.revision, UNTIL).toBe('two');
    expect(await answerFor(pod, 'john')).toBe(250);
  });

  test('says no address in its status', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod();
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    expect((await pod.get('/status')).body).not.toMatch(/@|127\.0\.0\.1/);
  });

  test('shares its listener among workers when it is told to', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod({ ISTHMUS_WORKERS: '2' });
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    folders.config.set(volume({ proven: packed(config('two', ['mary'])) }));
    await expect.poll(running(pod), UNTIL).toBe('two');
    expect(await Promise.all([answerFor(pod, 'mary'), answerFor(pod, 'mary')])).toEqual([250, 250]);
  });

  test('gives a worker that takes the place of another what has come into force while it started', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod({ ISTHMUS_WORKERS: '2' });
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    const workers = () => readFileSync(`/proc/${pod.process.pid}/task/${pod.process.pid}/children`, 'utf8').split(' ');
    const [first = '', second = ''] = workers();
    process.kill(Number(second), 'SIGKILL');
    await expect.poll(() => workers().some((pid) => pid !== '' && pid !== first && pid !== second), UNTIL).toBe(true);
    folders.config.set(volume({ proven: packed(config('two', ['mary'])) }));
    await expect.poll(running(pod), UNTIL).toBe('two');
    await pod.process.waitForOutput(/a worker has been replaced/);
    // One after the other: workers take turns.
    for (let times = 0; times < 4; times++) expect(await answerFor(pod, 'mary')).toBe(250);
  });

  test('listens on both families', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod();
    await expect.poll(() => pod.isReady(), UNTIL).toBe(true);
    const client = await RawSmtp.open('::1', pod.port);
    expect((await client.read()).code).toBe(220);
    client.destroy();
  });
});

describe('a pod that cannot listen', { timeout: 60_000 }, () => {
  test('ends and says why', async () => {
    folders.config.set(volume({ proven: packed(config('one', ['john'])) }));
    const pod = await startPod({ ISTHMUS_SMTP_PORT: String(sink.port) });
    expect(await pod.process.exited).toBe(1);
    expect(pod.process.output()).toMatch(/EADDRINUSE.*the relay cannot run here/);
  });
});

describe('settings of a pod', { timeout: 60_000 }, () => {
  test.each([
    ['POD_UID', '', 'POD_UID is not set'],
    ['ISTHMUS_SMTP_PORT', 'smtp', 'ISTHMUS_SMTP_PORT is "smtp": it must be a number from 1 to 65535'],
    ['ISTHMUS_STATE_FOLDER', 'state', 'ISTHMUS_STATE_FOLDER is "state": it must be an absolute path'],
  ])('%s that cannot be meant is named', async (name, value, message) => {
    const failed = TestPod.start(folders, { [name]: value });
    await expect(failed).rejects.toThrow(message);
  });
});
