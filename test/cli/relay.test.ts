/** `isthmus relay` as its user sees it: starts, follows its folders, holds what disappears, drains, and says what is wrong. */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Script, type ScriptedPeer, SILENCE, startPeer } from '../relay/next-hop/scripted-peer.ts';
import { certificateFolder } from '../support/certificates.ts';
import { isthmus, type Isthmus, type IsthmusOptions, startIsthmus } from '../support/isthmus.ts';
import { RawSmtp } from '../support/raw-smtp.ts';
import { FROM, rule, twoTenants } from '../support/two-tenants.ts';

const MESSAGE =
  'From: <john@tenant1.example>\r\nTo: <bob@world.example>\r\nMessage-ID: <1@tenant1.example>\r\n\r\nHello\r\n';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function peer(...scripts: Script[]): Promise<ScriptedPeer> {
  const started = await startPeer(...scripts);
  cleanup.push(() => started.stop());
  return started;
}

async function relay(options: IsthmusOptions): Promise<Isthmus> {
  const started = await startIsthmus(options);
  cleanup.push(() => started.stop());
  return started;
}

async function recipient(at: Isthmus, to: string, localAddress: string = FROM.world): Promise<string> {
  const client = await RawSmtp.greeted(at.host, at.port, { localAddress });
  await client.command('MAIL FROM:<x@world.example>');
  const reply = await client.command(`RCPT TO:<${to}>`);
  await client.quit();
  return reply.text;
}

async function ordinary(): Promise<{ next: ScriptedPeer; manifests: Record<string, string> }> {
  const next = await peer({});
  return { next, manifests: twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port }) };
}

describe('isthmus relay', () => {
  it('takes a changed rule without a restart', async () => {
    const { next, manifests } = await ordinary();
    const at = await relay({ manifests });
    expect(await recipient(at, 'john@shared.example')).toBe('250 2.1.5 OK');
    at.write(
      'john.yaml',
      rule('john', 'tenant1', '  addresses:\n    - {internal: j@tenant1.example, external: john@shared.example}\n'),
    );
    await at.waitForLine({ msg: 'new configuration' });
    expect(await recipient(at, 'john@shared.example')).toBe('250 2.1.5 OK');
    expect(next.conversations.at(-1)?.commands).toContain('RCPT TO:<j@tenant1.example>');
  });

  it('keeps the last good content of a broken file, names its line, and takes other files', async () => {
    const { manifests } = await ordinary();
    const at = await relay({ manifests });
    at.write(
      'tenant1.yaml',
      'apiVersion: isthmus.dev/v1alpha1\nkind: TenantRoute\nmetadata: {name: tenant1}\nspec: {domain: x}\n',
    );
    await at.process.waitForOutput(/tenant1\.yaml:4: error: spec.*domain/);
    expect(await recipient(at, 'john@shared.example')).toBe('250 2.1.5 OK');
    at.write(
      'ann.yaml',
      rule('ann', 'tenant1', '  addresses:\n    - {internal: ann@tenant1.example, external: ann@shared.example}\n'),
    );
    await at.waitForLine({ msg: 'new configuration' });
    expect(await recipient(at, 'john@shared.example')).toBe('250 2.1.5 OK');
  });

  it('answers 451 for what has disappeared, also after a restart', async () => {
    const next = await peer({});
    const manifests = twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port });
    const { 'mary.yaml': _mary, ...onlyJohn } = manifests;
    const first = await relay({ manifests: onlyJohn });
    expect(await recipient(first, 'nobody@shared.example')).toMatch(/^550 5\.1\.1 /);
    first.remove('john.yaml');
    await first.waitForLine({ msg: 'new configuration' });
    expect(await recipient(first, 'john@shared.example')).toMatch(/^451 4\.3\.5 /);
    await first.stop({ keepFolder: true });
    const { 'john.yaml': _john, ...neither } = onlyJohn;
    const second = await relay({ manifests: neither, folder: first.folder });
    expect(await recipient(second, 'john@shared.example')).toMatch(/^451 4\.3\.5 /);
  });

  it('drains: what is past its dot is answered, then the process ends with 0', async () => {
    const next = await peer({ content: SILENCE });
    const at = await relay({ manifests: twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port }) });
    const client = await RawSmtp.greeted(at.host, at.port, { localAddress: FROM.tenant1 });
    const answer = client.send('john@tenant1.example', ['bob@world.example'], MESSAGE);
    await next.until(() => next.conversations[0]?.contents.length === 1);
    const ended = at.process.stop('SIGTERM');
    await at.waitForLine({ msg: 'draining' });
    expect((await at.get('/readyz')).status).toBe(200);
    next.conversations[0]?.say('250 2.0.0 taken\r\n');
    expect((await answer).text).toMatch(/^250 2\.0\.0 OK /);
    expect(await ended).toBe(0);
  });

  it('ends at once at a further signal, whatever is under way', async () => {
    const next = await peer({ content: SILENCE });
    const at = await relay({ manifests: twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port }) });
    const client = await RawSmtp.greeted(at.host, at.port, { localAddress: FROM.tenant1 });
    await client.command('MAIL FROM:<john@tenant1.example>');
    await client.command('RCPT TO:<bob@world.example>');
    await client.command('DATA');
    client.write(`${MESSAGE}.\r\n`);
    await next.until(() => next.conversations[0]?.contents.length === 1);
    process.kill(at.process.pid, 'SIGTERM');
    await at.waitForLine({ msg: 'draining' });
    let ended: unknown;
    void at.process.exited.then((code) => {
      ended = code;
    });
    // Signals that come together count as one: npm and a terminal both send the same Ctrl-C.
    await expect
      .poll(() => {
        if (ended === undefined) process.kill(at.process.pid, 'SIGTERM');
        return ended;
      })
      .toBe(1);
  });

  it('answers probes, /status without addresses, and /metrics', async () => {
    const { manifests } = await ordinary();
    const at = await relay({ manifests });
    expect(await at.get('/livez')).toEqual({ status: 200, body: 'ok\n' });
    expect((await at.get('/readyz')).status).toBe(200);
    expect((await at.get('/nothing')).status).toBe(404);
    const status = await at.status();
    expect(status['counts']).toEqual({
      sharedDomains: 1,
      tenantRoutes: 2,
      rewriteRules: 2,
      addresses: 1,
      connections: 0,
    });
    expect(JSON.stringify(status)).not.toContain('@');
    expect((await at.get('/metrics')).body).toMatch(/^isthmus_smtp_connections 0$/m);
  });

  it('names a next hop that refuses the relay in /status until it takes mail again', async () => {
    const next = await peer({ RCPT: ['550 5.7.64 TenantAttribution; Relay Access Denied', '250 2.1.5 ok'] });
    const at = await relay({ manifests: twoTenants({ tenant1: next.port, tenant2: next.port, world: next.port }) });
    expect(await recipient(at, 'john@shared.example')).toMatch(/^451 4\.7\.0 /);
    expect((await at.status())['findings']).toMatchObject([
      { type: 'NextHopRefusesUs', subject: 'TenantRoute tenant1' },
    ]);
    const client = await RawSmtp.greeted(at.host, at.port, { localAddress: FROM.world });
    expect((await client.send('x@world.example', ['john@shared.example'], MESSAGE)).code).toBe(250);
    expect((await at.status())['findings']).toEqual([]);
  });
});

describe('isthmus relay does not start', () => {
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'isthmus-test-'));
    cleanup.push(() => rmSync(made, { recursive: true, force: true }));
    return made;
  };
  const manifestsIn = (where: string, files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(where, name), text);
    return where;
  };
  const ports = { tenant1: 2601, tenant2: 2602, world: 2603 };
  const args = (where: string, ...more: string[]) => [
    'relay',
    '--manifests',
    where,
    '--data',
    join(where, 'data'),
    ...more,
  ];

  it('with anything wrong, and says everything at once', async () => {
    const where = manifestsIn(folder(), {
      ...twoTenants(ports),
      'john.yaml': rule(
        'john',
        'tenant9',
        '  addresses:\n    - {internal: john@tenant1.example, external: john@else.example}\n',
      ),
      'domain.yaml': 'kind: SharedDomain\n\tx',
    });
    const { code, stderr } = await isthmus(args(where));
    expect(code).toBe(1);
    expect(stderr).toMatch(/domain\.yaml:2: error: /);
    expect(stderr).toMatch(/john\.yaml:7: error: RewriteRule john: spec\.tenantRouteRef\.name: /);
    expect(stderr).toMatch(/not started, \d+ errors/);
  });

  it.each([
    ['without a folder', [], /which folder of manifests\?[^]*isthmus relay --manifests DIR/],
    [
      'with a folder that is not there',
      ['--manifests', '/nonexistent/dir'],
      /\/nonexistent\/dir: error: .*(no such|not exist|missing)/i,
    ],
    ['with a stray word', ['here'], /"here" stands alone\ndid you mean --manifests here \?/],
    ['with an unknown option', ['--listne', '25'], /Unknown option '--listne'[^]*isthmus relay --help/],
    ['with a bad port', ['--manifests', '.', '--listen', '99999'], /--listen "99999" is no address to listen on/],
    [
      'with a key alone',
      ['--manifests', '.', '--tls-key', 'x'],
      /--tls-cert is missing\n--tls-cert and --tls-key go together/,
    ],
    [
      'with a bad DNS server',
      ['--manifests', '.', '--dns-server', 'ns.example'],
      /--dns-server "ns\.example" is no address/,
    ],
    [
      'with too many workers',
      ['--manifests', '.', '--workers', '0'],
      /--workers "0" is not a whole number\nwrite a number from 1 to 64/,
    ],
    ['with an option given twice', ['--manifests', '.', '--data', 'a', '--data', 'b'], /--data was given 2 times/],
  ])('%s', async (_name, line, expected) => {
    const { code, stderr } = await isthmus(['relay', ...line]);
    expect(stderr).toMatch(expected);
    expect(code).toBeOneOf([1, 2]);
  });

  it('on a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    cleanup.push(() => taken.close());
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const where = manifestsIn(folder(), twoTenants(ports));
    const { code, stderr } = await isthmus(args(where, '--listen', `127.0.0.1:${port}`));
    expect(stderr).toMatch(/EADDRINUSE[^]*another program listens there/);
    expect(code).toBe(2);
  });

  it('with a certificate and a key that do not belong together', async () => {
    const certificates = certificateFolder();
    cleanup.push(() => certificates.remove());
    const authority = await certificates.authority('Test');
    const [one, two] = [
      await authority.issue({ names: ['a.example'] }),
      await authority.issue({ names: ['b.example'] }),
    ];
    const where = manifestsIn(folder(), twoTenants(ports));
    const { code, stderr } = await isthmus(args(where, '--tls-cert', one.certificateFile, '--tls-key', two.keyFile));
    expect(stderr).toMatch(/the key does not belong to the certificate/);
    expect(code).toBe(2);
  });

  it('with a state that it did not write', async () => {
    const where = manifestsIn(folder(), twoTenants(ports));
    const data = folder();
    writeFileSync(join(data, 'state.json'), '{"running": 7}');
    const { code, stderr } = await isthmus(['relay', '--manifests', where, '--data', data]);
    expect(stderr).toMatch(/state\.json is not what this version writes\nmove the file away/);
    expect(code).toBe(2);
  });
});
