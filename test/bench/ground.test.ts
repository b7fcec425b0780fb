/** The benchmark's ground notices what a relay may not do: lose, double or change mail, or leave it unrewritten. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Contender } from './contenders.ts';
import { assertWhole, type Ground, median, type Scenario, startGround } from './measure.ts';

const SCENARIO: Scenario = {
  name: 'small',
  size: 4096,
  connections: 4,
  messages: 50,
  rounds: 1,
  tls: false,
  dkim: false,
};

let ground: Ground;
beforeAll(async () => {
  ground = await startGround();
});
afterAll(() => ground.stop());

const contender = (port: number, rewrites = false): Contender => ({
  name: 'the relay under test',
  port,
  pid: undefined,
  rewrites,
  stop: () => Promise.resolve(),
});

/** Passes everything on and changes what clients send. */
async function meddler(change: (text: string) => string): Promise<number> {
  const server = createServer((client) => {
    const next = connect(ground.sinkPort, '127.0.0.1');
    client.on('data', (bytes) => next.write(change(bytes.toString('latin1')), 'latin1'));
    next.on('data', (bytes) => client.write(bytes));
    client.on('close', () => next.destroy());
    for (const socket of [client, next]) socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it('measures mail that arrives whole', async () => {
  const [figures] = await ground.measure([contender(ground.sinkPort)], SCENARIO);
  expect(figures?.messagesPerSecond).toBeGreaterThan(0);
  expect(figures?.p99).toBeGreaterThanOrEqual(figures?.p50 ?? Number.NaN);
});

it.each([
  [
    'one changed octet of a body',
    (text: string) => text.replace('minutes of the meeting are', 'minutes of the meeting arc'),
    /body of message \d+ differs/,
  ],
  ['a dot that was not doubled', (text: string) => text.replace('\r\n..', '\r\n.'), /body of message \d+ differs/],
  [
    'a number that came twice',
    (text: string) => text.replace(/Message 0000000[1-9]/, 'Message 00000000'),
    /missing, 1 doubled/,
  ],
  [
    'a changed recipient',
    (text: string) => text.replace('anna.berg@world.example>\r\nDATA', 'a@b.example>\r\nDATA'),
    /arrived from/,
  ],
])('refuses %s', async (_, change, complaint) => {
  const port = await meddler(change);
  await expect(ground.measure([contender(port)], SCENARIO)).rejects.toThrow(complaint);
});

it('refuses a relay that should rewrite and does not', async () => {
  await expect(ground.measure([contender(ground.sinkPort, true)], SCENARIO)).rejects.toThrow(
    /arrived from u\d+\.smith/,
  );
});

it('refuses mail that never arrived', () => {
  const arrivals = { arrived: 9, missing: 1, doubled: 0, wrong: [], cpuSeconds: 0 };
  expect(() => assertWhole('a relay', 10, arrivals)).toThrow('a relay: 9 of 10 messages arrived, 1 missing, 0 doubled');
});

it('takes the median', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});
