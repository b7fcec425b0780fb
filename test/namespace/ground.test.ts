/** The network namespace: port 25 and documentation addresses are ours, and no packet finds a way out. */

import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { run } from '../support/child-process.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { useAddresses } from '../support/namespace.ts';
import { startPostfix } from '../support/postfix.ts';

it('has a mail server on port 25 of a public address, found by MX on port 53', async () => {
  await useAddresses(['198.51.100.25', '198.51.100.53']);
  const zones = { 'world.example': '@ MX 10 mx\nmx A 198.51.100.25' };
  const dns = await startDnsServer({ address: '198.51.100.53', port: 53, zones });
  onTestFinished(() => dns.stop());
  const postfix = await startPostfix({ address: '198.51.100.25', port: 25, mailboxes: ['anna@world.example'] });
  onTestFinished(() => postfix.stop());
  const resolver = new Resolver();
  resolver.setServers(['198.51.100.53']);
  expect(await resolver.resolveMx('world.example')).toMatchObject([{ exchange: 'mx.world.example', priority: 10 }]);
  await postfix.submit('a@b.example', ['anna@world.example'], 'Subject: x\n\n');
  await postfix.waitForMail('anna@world.example');
});

it('reaches nothing outside', async () => {
  await useAddresses([]);
  const routes = await run('ip', ['route', 'show']);
  expect(routes).toMatchObject({ code: 0, stdout: '' });
  const failure = await new Promise((resolve) => {
    const socket = connect({ host: '192.0.2.1', port: 25 });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once('connect', () => resolve('connected'));
  });
  expect(failure).toBe('ENETUNREACH');
});
