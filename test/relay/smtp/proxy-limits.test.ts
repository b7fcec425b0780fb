import { describe, expect, test } from 'vitest';
import type { ProxyProtocolConfig } from '../../../relay/core/config.ts';
import type { RawSmtp } from '../../support/raw-smtp.ts';
import { start } from './front-fixture.ts';
import { BALANCER, line, startBehind } from './proxy-fixture.ts';

describe('connections behind a balancer', () => {
  test('count as the real client’s, and the balancer itself has no limit', async () => {
    const { behind, say, refused } = await startBehind('Required', { connectionsPerClient: 2 });
    const two = [await behind('203.0.113.1'), await behind('203.0.113.1')];
    await behind('203.0.113.2');
    const third = await say(line('203.0.113.1'));
    expect((await third.read()).text).toBe('421 4.7.0 Too many connections from your address, try again later');
    await third.closed();
    expect(refused).toEqual(['connectionsPerClient']);
    for (let count = 0; count < 5; count++) {
      for (const own of ['PROXY UNKNOWN\r\n', line(BALANCER)]) expect((await (await say(own)).read()).code).toBe(220);
    }
    await two[0]?.quit();
    await expect.poll(async () => (await (await say(line('203.0.113.1'))).read()).code).toBe(220);
  });

  test('of one /64 are one client’s', async () => {
    const { behind, say } = await startBehind('Required', { connectionsPerClient: 1 });
    await behind('2001:db8:9::1');
    expect((await (await say(line('2001:db8:9::2'))).read()).code).toBe(421);
    expect((await (await say(line('2001:db8:a::1'))).read()).code).toBe(220);
  });

  test('count among all connections while their line is waited for', async () => {
    const { open, say, front, refused } = await startBehind('Required', { connections: 2 });
    const waiting = await open(BALANCER);
    await say('PROXY ');
    await expect.poll(() => front.connections()).toBe(2);
    const third = await open(BALANCER);
    expect((await third.read()).text).toBe('421 4.3.2 Too many connections, try again later');
    await third.closed();
    expect(refused).toEqual(['connections']);
    waiting.write(line('203.0.113.1'));
    expect((await waiting.read()).code).toBe(220);
    expect(front.connections()).toBe(2);
    waiting.destroy();
    await expect.poll(() => front.connections()).toBe(1);
  });
});

describe('a balancer whose line is waited for', () => {
  async function waitingOnes(count: number) {
    const started = await startBehind('Required');
    const clients: RawSmtp[] = [];
    for (let at = 0; at < count; at++) clients.push(await started.open(BALANCER));
    await expect.poll(() => started.front.connections()).toBe(count);
    return { ...started, clients };
  }

  test('hears of a drain as its client', async () => {
    const { front, clients, refused } = await waitingOnes(2);
    const drained = front.drain({ lameDuckSeconds: 0, drainSeconds: 60 });
    const [first, second] = clients as [RawSmtp, RawSmtp];
    first.write(line('203.0.113.1'));
    expect((await first.read()).text).toBe('421 4.3.2 Server is shutting down, try again');
    second.destroy();
    await drained;
    expect(refused).toEqual(['draining']);
  });

  test('is not waited for when the time of a drain is over', async () => {
    const { front, clients } = await waitingOnes(1);
    await front.drain({ lameDuckSeconds: 0, drainSeconds: 0 });
    expect(await clients[0]?.closed()).toBe('');
  });

  test('is let go when the front closes', async () => {
    const { front, clients } = await waitingOnes(1);
    await front.close();
    expect(await clients[0]?.closed()).toBe('');
  });
});

test('a changed configuration is in force for the next connection', async () => {
  let now: ProxyProtocolConfig | undefined;
  const { open, sessions } = await start({}, { proxyProtocol: () => now });
  const connected = async (bytes: string) => {
    const client = await open(BALANCER);
    client.write(bytes);
    return (await client.read()).code;
  };
  expect(await connected('')).toBe(220);
  now = { mode: 'Required', trustedCIDRs: [`${BALANCER}/32`] };
  expect(await connected(line('203.0.113.1'))).toBe(220);
  now = { mode: 'Required', trustedCIDRs: ['192.0.2.0/24'] };
  expect(await connected(line('203.0.113.2'))).toBe(421);
  expect(sessions.connections.map(({ address }) => address)).toEqual([BALANCER, '203.0.113.1']);
});
