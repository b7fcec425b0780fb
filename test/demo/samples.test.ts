import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { makeAuthority } from '../../demo/certificates.ts';
import { writeOverlay } from '../../demo/overlay.ts';
import { run } from '../support/child-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sample = join(root, 'deploy', 'samples', 'two-tenants');
const folder = mkdtempSync(join(tmpdir(), 'isthmus-samples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function check(...folders: readonly string[]) {
  const { code, stdout } = await run(process.execPath, ['cli/main.ts', 'check', ...folders, '--output', 'json'], {
    cwd: root,
  });
  const { errors, problems } = JSON.parse(stdout) as {
    readonly errors: number;
    readonly problems: readonly { readonly severity: string; readonly subject: string; readonly message: string }[];
  };
  return { code, errors, warnings: problems.filter(({ severity }) => severity === 'warning') };
}

function documents(directory: string): { kind: string; metadata: { name: string } }[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(join(directory, name), 'utf8')))
    .map((document) => document.toJS());
}

test('the sample has nothing to complain about but the Secret that a repository must not hold', async () => {
  expect(await check(sample)).toEqual({
    code: 0,
    errors: 0,
    warnings: [
      expect.objectContaining({ subject: 'SharedDomain shared', message: expect.stringContaining('shared-dkim') }),
    ],
  });
});

test('the sample holds no RelayFleet and no Secret', () => {
  const kinds = documents(sample).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(['SharedDomain', 'TenantRoute', 'RewriteRule', 'ConfigMap']));
});

test('with the overlay nothing is missing, and only the fleet and the two routes are replaced', async () => {
  const to = join(folder, 'overlay');
  const ports = { tenant1: 20001, tenant2: 20002, world: 20003 };
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const authority = makeAuthority().certificate;
  writeOverlay({ from: join(root, 'demo', 'overlay'), to, ports, dkimKey: privateKey, authority });
  expect(await check(sample, to)).toEqual({ code: 0, errors: 0, warnings: [] });
  expect(documents(to).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
    'RelayFleet/default',
    'Secret/shared-dkim',
    'Secret/demo-ca',
    'TenantRoute/tenant1',
    'TenantRoute/tenant2',
  ]);
  const text = readdirSync(to)
    .map((name) => readFileSync(join(to, name), 'utf8'))
    .join('\n');
  expect(text).not.toMatch(/port: 260\d/);
});
