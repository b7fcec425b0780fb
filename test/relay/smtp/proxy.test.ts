import { expect, describe, test } from 'vitest';
import type { ProxyProtocolConfig } from '../../../relay/core/config.ts';
import { makeSelfSigned } from '../../../relay/tls/self-signed.ts';
import { ServerContext } from '../../../relay/tls/server-context.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { BALANCER, ELSEWHERE, line, startBehind } from './proxy-fixture.ts';

const MODES = ['Optional', 'Required'] as const;
const CLIENT = '203.0.113.9';
const MAIL = ['a@client.example', ['b@relay.example'], 'x: y\r\n'] as const;

describe.each(MODES)('%s', (mode) => {
  test.each([
    [line(CLIENT), CLIENT, 50_000, '192.0.2.25'],
    [line('2001:DB8:0::9', 1), '2001:db8::9', 1, '2001:db8::25'],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.25 7 25\r\n', CLIENT, 7, '192.0.2.25'],
  ])('the client is whom a balancer names: %j', async (header, address, port, localAddress) => {
    const { say, sessions } = await startBehind(mode);
    const client = await say(header);
    expect((await client.read()).text).toBe('220 relay.example ESMTP');
    expect(sessions.connections).toMatchObject([{ address, port, localAddress, localPort: 25 }]);
    await client.command('EHLO client.example');
    expect((await client.send(...MAIL)).code).toBe(250);
  });

  test('nobody is greeted before the line is whole, in however many pieces it comes', async () => {
    const { say, sessions } = await startBehind(mode);
    const client = await say('P');
    for (const octet of line(CLIENT).slice(1, -1)) {
      await new Promise((resolve) => setImmediate(resolve));
      client.write(octet);
    }
    expect(sessions.connections).toEqual([]);
    client.write('\n');
    expect((await client.read()).code).toBe(220);
    expect(sessions.connections).toMatchObject([{ address: CLIENT }]);
  });

  test('UNKNOWN is the balancer itself', async () => {
    const { say, sessions } = await startBehind(mode);
    const client = await say('PROXY UNKNOWN 203.0.113.9 192.0.2.25 1 2\r\n');
    expect((await client.read()).code).toBe(220);
    expect(sessions.connections).toMatchObject([{ address: BALANCER, localAddress: '127.0.0.1' }]);
    expect((await client.quit()).code).toBe(221);
  });

  test.each([
    ['without its CRLF', 'PROXY TCP4 203.0.113.9 192.0.2.25 1 25\nEHLO client.example\r\n'],
    ['longer than it may be', `PROXY UNKNOWN ${'x'.repeat(200)}`],
    ['of words nobody knows', 'PROXY TCP5 203.0.113.9 192.0.2.25 1 25\r\n'],
  ])('a line %s is refused', async (_what, header) => {
    const { say, sessions, refused } = await startBehind(mode);
    const client = await say(header);
    expect((await client.read()).text).toBe('421 4.7.0 A load balancer must begin with a PROXY line, version 1');
    expect(await client.closed()).toBe('');
    expect(refused).toEqual(['proxyHeader']);
    expect(sessions.connections).toEqual([]);
  });

  test('version 2 is refused', async () => {
    const { say, sessions, refused } = await startBehind(mode);
    const header = '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x19\xc3\x50\x00\x19';
    const client = await say(header);
    const text = '421 4.7.0 Version 2 of the PROXY protocol is not taken, use version 1';
    expect((await client.read()).text).toBe(text);
    expect(await client.closed()).toBe('');
    expect(refused).toEqual(['proxyVersion2']);
    expect(sessions.connections).toEqual([]);
  });

  test('who talks behind the line before the greeting is sent away', async () => {
    const { say, sessions, refused } = await startBehind(mode);
    const client = await say(`${line(CLIENT)}EHLO client.example\r\n`);
    expect((await client.read()).text).toBe('421 4.7.0 Wait for the greeting before you send');
    await client.closed();
    expect(refused).toEqual(['earlyTalker']);
    expect(sessions.connections).toEqual([]);
  });

  test('a second line changes nobody, and ends the connection', async () => {
    const { behind, sessions, refused } = await startBehind(mode);
    const client = await behind(CLIENT);
    const text = '421 4.7.0 A PROXY line from this address, or at this point, is not taken';
    expect((await client.command(line('127.0.0.11').trimEnd())).text).toBe(text);
    await client.closed();
    expect(sessions.connections).toMatchObject([{ address: CLIENT }]);
    expect(refused).toEqual(['proxyUntrusted']);
  });

  test('TLS begins behind it, for the client', async () => {
    const tls = new ServerContext();
    tls.use(makeSelfSigned('relay.example', new Date()), 'TLSv1.2', new Date());
    const { behind, sessions } = await startBehind(mode, {}, { tls });
    const asked: string[] = [];
    sessions.wanted = (address) => asked.push(address) > 0;
    const client = await behind(CLIENT);
    await client.startTls({ rejectUnauthorized: false });
    expect((await client.send(...MAIL)).code).toBe(250);
    expect(asked).toEqual([CLIENT]);
    expect(sessions.messages).toMatchObject([{ connection: { address: CLIENT, tls: { version: 'TLSv1.3' } } }]);
  });

  test('health checks that connect and leave are neither sessions, nor refused, nor failures', async () => {
    const { look, behind, front, opened, refused, failures, sessions } = await startBehind(mode);
    await look('end');
    await look('reset');
    await expect.poll(() => front.connections()).toBe(0);
    await behind(CLIENT);
    expect([opened.count, sessions.connections.length, refused, failures]).toEqual([1, 1, [], []]);
  });
});

describe('from elsewhere', () => {
  test.each([line('127.0.0.11'), 'PROXY UNKNOWN\r\n', 'proxy nonsense\r\n'])(
    'a line is refused and believed never, before the greeting or after it: %j',
    async (header) => {
      const { open, say, sessions, refused } = await startBehind('Optional');
      for (const client of [await say(header, ELSEWHERE), await open(ELSEWHERE)]) {
        const first = await client.read();
        const answer = first.code === 220 ? await client.command(header.trimEnd()) : first;
        expect(answer.text).toBe('421 4.7.0 A PROXY line from this address, or at this point, is not taken');
        await client.closed();
      }
      expect(refused).toEqual(['proxyUntrusted', 'proxyUntrusted']);
      for (const { address } of sessions.connections) expect(address).toBe(ELSEWHERE);
    },
  );

  test('clients come directly when it is optional', async () => {
    const { greeted, sessions } = await startBehind('Optional');
    const client = await greeted(ELSEWHERE);
    expect((await client.send(...MAIL)).code).toBe(250);
    expect(sessions.connections).toMatchObject([{ address: ELSEWHERE }]);
  });

  test('nobody comes when it is required', async () => {
    const { open, say, sessions, refused } = await startBehind('Required');
    for (const client of [await open(ELSEWHERE), await say(line(CLIENT), ELSEWHERE)]) {
      expect((await client.read()).text).toBe('421 4.7.0 Connections are taken from load balancers only');
      await client.closed();
    }
    expect(refused).toEqual(['proxyRequired', 'proxyRequired']);
    expect(sessions.connections).toEqual([]);
  });
});

test('balancers are known at a listener for both families', async () => {
  const listen = [{ host: '::', port: 0 }];
  const trusted: ProxyProtocolConfig = { mode: 'Required', trustedCIDRs: [`${BALANCER}/32`, '::1/128'] };
  const { say, port, sessions } = await startBehind('Required', {}, { listen, proxyProtocol: () => trusted });
  expect((await (await say(line(CLIENT))).read()).code).toBe(220);
  const sixth = await RawSmtp.open('::1', port);
  sixth.write(line('2001:db8::9'));
  expect((await sixth.read()).code).toBe(220);
  expect(sessions.connections.map(({ address }) => address)).toEqual([CLIENT, '2001:db8::9']);
});

test('a line that does not come, or does not end, is waited for only so long', async () => {
  const beginnings = [
    ['Optional', 'PROXY TCP4 203.0.113.9'],
    ['Required', 'PROXY TCP4 203.0.113.9'],
    ['Required', ''],
  ] as const;
  const ends = beginnings.map(async ([mode, bytes]) => {
    const { say, refused } = await startBehind(mode);
    const client = await say(bytes);
    const answer = await client.read();
    await client.closed();
    return [answer.text, refused];
  });
  const text = '421 4.7.0 A load balancer must begin with a PROXY line, version 1';
  expect(await Promise.all(ends)).toEqual(beginnings.map(() => [text, ['proxyHeader']]));
});

describe('a balancer that says nothing', () => {
  test('is a client itself when it is optional', async () => {
    const { greeted, sessions } = await startBehind('Optional');
    const client = await greeted(BALANCER);
    expect((await client.send(...MAIL)).code).toBe(250);
    expect(sessions.connections).toMatchObject([{ address: BALANCER }]);
  });

  test('and speaks SMTP at once talks too early, or is refused when it is required', async () => {
    for (const [mode, reason] of [
      ['Optional', 'earlyTalker'],
      ['Required', 'proxyHeader'],
    ] as const) {
      const { say, refused } = await startBehind(mode);
      const client = await say('EHLO client.example\r\n');
      expect((await client.read()).code).toBe(421);
      await client.closed();
      expect(refused).toEqual([reason]);
    }
  });
});
