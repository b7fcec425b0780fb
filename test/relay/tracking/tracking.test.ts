import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../support/child-process.ts';
import { type LineOptions, openLines, TRACKING_EVENTS, type TrackingEvent } from '../../../relay/tracking/tracking.ts';
import { tlsText } from '../../../relay/core/tls-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-tracking-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function collect(options: Omit<LineOptions, 'destination'> = {}) {
  const written: string[] = [];
  const lines = openLines({ ...options, destination: { write: (text) => written.push(text) } });
  return { lines, read: () => written.map((line) => JSON.parse(line)) };
}

test('an event is one JSON line with its name, time and given fields only', () => {
  const { lines, read } = collect();
  lines.tracking.event({
    event: 'RECEIVE',
    queueId: 'a1-1',
    originalSender: '',
    recipients: ['mary@tenant2.example'],
    latencyMs: 12,
    clientTls: undefined,
  });
  expect(read()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      event: 'RECEIVE',
      queueId: 'a1-1',
      originalSender: '',
      recipients: ['mary@tenant2.example'],
      latencyMs: 12,
    },
  ]);
});

test('what a peer sent cannot begin a line of its own', () => {
  const { lines, read } = collect();
  lines.tracking.event({ event: 'FAIL', clientHelo: 'x"}\r\n{"event":"SEND"\u2028', cause: 'a\\b' });
  expect(read()).toMatchObject([{ event: 'FAIL', clientHelo: 'x"}\r\n{"event":"SEND"\u2028', cause: 'a\\b' }]);
});

test('log lines share the stream, carry their text and the error with its cause', () => {
  const { lines, read } = collect();
  lines.log.error('the next hop cannot be asked', {
    error: new Error('outer', { cause: new Error('inner') }),
    port: 25,
  });
  expect(read()).toMatchObject([{ level: 'error', msg: 'the next hop cannot be asked', port: 25 }]);
  expect(JSON.stringify(read()[0].error)).toContain('inner');
});

test('a higher level leaves out log lines, never tracking', () => {
  const { lines, read } = collect({ level: 'error' });
  lines.log.info('not written');
  lines.log.warn('not written');
  lines.log.error('written');
  lines.tracking.event({ event: 'SEND' });
  expect(read().map((line) => line.msg ?? line.event)).toEqual(['written', 'SEND']);
});

test('flush waits until every line is in the file', async () => {
  const path = join(folder, 'lines.json');
  const fd = openSync(path, 'w');
  const lines = openLines({ destination: fd });
  for (let index = 0; index < 5000; index++) lines.tracking.event({ event: 'SEND', queueId: `q${index}` });
  await lines.flush();
  const read = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(read.length).toBe(5000);
  expect(JSON.parse(read[4999] as string).queueId).toBe('q4999');
  closeSync(fd);
});

test("several processes that share one pipe do not tear each other's lines", async () => {
  const module = new URL('../../../relay/tracking/tracking.ts', import.meta.url);
  const program = `
    import { openLines } from ${JSON.stringify(module)};
    const lines = openLines({ destination: 1 });
    for (let index = 0; index < 3000; index++) {
      lines.tracking.event({ event: 'SEND', queueId: process.pid + '-' + index, cause: 'x'.repeat(index % 700) });
    }
    await lines.flush();`;
  const one = `"$0" --input-type=module -e "$1"`;
  const { stdout } = await run('sh', [
    '-c',
    `{ ${one} & ${one} & ${one} & wait; } | dd bs=512 status=none`,
    process.execPath,
    program,
  ]);
  const ids = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).queueId);
  expect(new Set(ids).size).toBe(9000);
});

test('a disk that is full loses lines, counts them and throws nothing', async () => {
  const fd = openSync('/dev/full', 'w');
  let lost = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const lines = openLines({
    destination: fd,
    onLost: () => {
      lost++;
      resolve();
    },
  });
  lines.tracking.event({ event: 'SEND' });
  await promise;
  expect(lost).toBeGreaterThan(0);
});

test('TLS is named by version and cipher, and says when a certificate was not checked', () => {
  expect(tlsText(undefined)).toBeUndefined();
  expect(tlsText({ version: 'TLSv1.3', cipher: 'X' })).toBe('TLSv1.3 X');
  expect(tlsText({ version: 'TLSv1.2', cipher: 'Y', verified: false })).toBe('TLSv1.2 Y (unverified)');
});

describe('docs/tracking.md', () => {
  const documentation = readFileSync(new URL('../../../docs/tracking.md', import.meta.url), 'utf8');
  const FIELDS: Readonly<Record<Exclude<keyof TrackingEvent, 'event'>, true>> = {
    queueId: true,
    messageId: true,
    originalSender: true,
    sender: true,
    originalRecipients: true,
    recipients: true,
    clientTenant: true,
    recipientTenant: true,
    rule: true,
    clientAddress: true,
    clientHelo: true,
    clientTls: true,
    nextHopHost: true,
    nextHopAddress: true,
    nextHopTls: true,
    nextHopReply: true,
    reply: true,
    cause: true,
    latencyMs: true,
    size: true,
  };
  /** Names in the first column. */
  const names = documentation.split('\n').flatMap((line) => {
    const [, first] = /^\| (`.*?) \|/.exec(line) ?? [];
    return first === undefined ? [] : first.split(', ').map((name) => name.replaceAll('`', ''));
  });

  test('has every event and every field, and no other', () => {
    expect(names).toEqual([...TRACKING_EVENTS, ...Object.keys(FIELDS)]);
  });
});
