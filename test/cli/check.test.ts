/** `isthmus check`: everything that is wrong, by file and line, with an exit code a pipeline can use. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { isthmus } from '../support/isthmus.ts';
import { rule, twoTenants } from '../support/two-tenants.ts';

const SAMPLES = fileURLToPath(new URL('../../deploy/samples/two-tenants', import.meta.url));
const EXCHANGE = fileURLToPath(new URL('../../deploy/samples/two-exchange-tenants', import.meta.url));
const PORTS = { tenant1: 2601, tenant2: 2602, world: 2603 };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(files: Record<string, string>): string {
  const made = mkdtempSync(join(tmpdir(), 'isthmus-check-'));
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

describe('isthmus check', () => {
  it('is content with the samples, and warns of the Secret they do not hold', async () => {
    const { code, stdout } = await isthmus(['check', SAMPLES]);
    expect(stdout).toMatch(
      /shared-domain\.yaml:\d+: warning: SharedDomain shared: spec\.dkim\[0\]\.secretRef: Secret "shared-dkim"/,
    );
    expect(stdout).toMatch(/^6 resources, 0 errors, 1 warning$/m);
    expect(code).toBe(0);
  });

  it('is content with the samples for Exchange Online, but for their Secrets', async () => {
    const { code, stdout } = await isthmus(['check', EXCHANGE]);
    expect(stdout).toMatch(/: warning: RelayFleet default: spec\.tls\.secretRef: Secret "relay-tls"/);
    expect(stdout).toMatch(/: warning: SharedDomain shared: spec\.dkim\[0\]\.secretRef: Secret "shared-dkim"/);
    expect(stdout).toMatch(/^7 resources, 0 errors, 2 warnings$/m);
    expect(code).toBe(0);
  });

  it.each([
    [
      'a tenant id that two routes claim',
      'tenant-routes.yaml',
      '22222222-2222-4222-8222-222222222222',
      '11111111-1111-4111-8111-111111111111',
      /tenant-routes\.yaml:\d+: error: TenantRoute tenant2: spec\.sources: .*"tenant1" holds: tenant 11111111-/,
    ],
    [
      'a tenant that is to be asked and takes every recipient',
      'tenant-routes.yaml',
      'recipientCheck: AtRcpt',
      'recipientCheck: None',
      /shared-domain\.yaml:\d+: error: SharedDomain shared: spec\.unresolvedRecipients\.order\[0\]\.name: .*AtRcpt/,
    ],
    [
      'a tenant that is to be asked and does not exist',
      'shared-domain.yaml',
      '- name: tenant2',
      '- name: tenant3',
      /shared-domain\.yaml:14: error: SharedDomain shared: spec\.unresolvedRecipients\.order\[1\]\.name: .*"tenant3"/,
    ],
    [
      'the certificate that all customers of Exchange Online share',
      'tenant-routes.yaml',
      'exchangeOnline:\n        tenantId: 11111111-1111-4111-8111-111111111111',
      'clientCertificate:\n        names: [mail.protection.outlook.com]',
      /tenant-routes\.yaml:\d+: error: spec\.sources\[0\]\.clientCertificate: every customer of Exchange Online/,
    ],
    [
      'a signing key that is not in the folder',
      'relay-fleet.yaml',
      '  tls:',
      '  signingSecretRef: {name: signing}\n  tls:',
      /relay-fleet\.yaml:\d+: warning: RelayFleet default: spec\.signingSecretRef: Secret "signing" .*"signing\.key"/,
    ],
  ])('finds %s', async (_what, file, from, to, expected) => {
    const changed = readFileSync(join(EXCHANGE, file), 'utf8').replace(from, to);
    const overlay = folder({ [file]: changed });
    const { stdout } = await isthmus(['check', EXCHANGE, overlay]);
    expect(stdout).toMatch(expected);
  });

  it('takes the missing Secret for an error with --strict', async () => {
    const { code, stdout } = await isthmus(['check', '--strict', SAMPLES]);
    expect(stdout).toMatch(/: error: SharedDomain shared: spec\.dkim\[0\]\.secretRef/);
    expect(code).toBe(1);
  });

  it.each([
    [
      'an unknown field',
      { 'x.yaml': rule('x', 'tenant1', '  adresses: []\n') },
      /x\.yaml:8: error: spec\.adresses: unknown field; did you mean addresses\?/,
    ],
    [
      'a reference that leads nowhere',
      { 'john.yaml': rule('john', 'tenant9', '  domain: {internal: a.example, external: shared.example}\n') },
      /john\.yaml:7: error: RewriteRule john: spec\.tenantRouteRef\.name: TenantRoute "tenant9" does not exist/,
    ],
    [
      'an address that two rules claim',
      {
        'x.yaml': rule(
          'x',
          'tenant2',
          '  addresses:\n    - {internal: john@tenant2.example, external: john@shared.example}\n',
        ),
      },
      /x\.yaml:\d+: error: RewriteRule x: .*john@shared\.example.*RewriteRule.*john/,
    ],
    [
      'an address outside the domain',
      {
        'x.yaml': rule('x', 'tenant1', '  addresses:\n    - {internal: a@tenant1.example, external: a@else.example}\n'),
      },
      /x\.yaml:\d+: error: RewriteRule x: .*else\.example/,
    ],
    [
      'a domain claimed twice',
      { 'x.yaml': twoTenants(PORTS)['domain.yaml']?.replace('name: shared', 'name: twin') ?? '' },
      /x\.yaml:\d+: error: SharedDomain twin: .*shared\.example/,
    ],
    [
      'an onmicrosoft.com domain',
      {
        'tenant1.yaml':
          twoTenants(PORTS)['tenant1.yaml']?.replace(
            '    - tenant1.example',
            '    - tenant1.example\n    - t1.onmicrosoft.com',
          ) ?? '',
      },
      /tenant1\.yaml:\d+: warning: TenantRoute tenant1: spec\.domains\[1\].*100/,
    ],
    [
      'a broken CSV row',
      {
        'csv.yaml': `${rule('csv', 'tenant1', '  addressesFrom:\n    - configMapKeyRef: {name: users, key: users.csv}\n')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: users}\ndata:\n  users.csv: |\n    Name,InternalAddress,ExternalAddress\n    A,a@tenant1.example,a@shared.example\n    B,nonsense,b@shared.example\n`,
      },
      /csv\.yaml:\d+: error: RewriteRule csv: .*line 3/,
    ],
  ])('finds %s', async (_name, files, expected) => {
    const { code, stdout } = await isthmus(['check', folder({ ...twoTenants(PORTS), ...files })]);
    expect(stdout).toMatch(expected);
    expect(code).toBe(expected.source.includes('error') ? 1 : 0);
  });

  it('speaks JSON to pipelines', async () => {
    const { code, stdout } = await isthmus(['check', '--output', 'json', folder({ 'x.yaml': 'kind: TenantRoute\n' })]);
    expect(JSON.parse(stdout)).toMatchObject({ errors: 1, problems: [{ severity: 'error', line: 1 }] });
    expect(code).toBe(1);
  });

  it.each([
    ['no folder', [], /which folder\?\nisthmus check DIR/],
    ['an unknown format', ['--output', 'xml', '.'], /--output "xml" is unknown\nwrite text or json/],
  ])('asks again for %s', async (_name, args, expected) => {
    const { code, stderr } = await isthmus(['check', ...args]);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });

  it('knows no other command', async () => {
    const { code, stderr } = await isthmus(['chekc']);
    expect(stderr).toBe('isthmus: there is no command "chekc"\nisthmus --help lists the commands\n');
    expect(code).toBe(2);
  });
});
