import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { makeAuthority } from '../../demo/certificates.ts';
import { writeManifests, writeOverlay } from '../../demo/overlay.ts';
import type { Part } from '../../demo/part.ts';
import { PARTS, TWO_TENANTS_PART } from '../../demo/parts.ts';
import { EXCHANGE_ONLINE_PART } from '../../demo/story-exchange-online.ts';
import { run } from '../support/child-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ports = { tenant1: 20001, tenant2: 20002, world: 20003, onPremises: 20004, cloud: 20005, tenant10: 20010 };
const authority = makeAuthority().certificate;
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
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

/** What a part of the demo replaces in its sample, and what its README could not hold. */
const REPLACED: Readonly<Record<string, readonly string[]>> = {
  'demo/overlay': ['RelayFleet/default', 'TenantRoute/tenant1', 'TenantRoute/tenant2'],
  'demo/exchange-online': ['RelayFleet/default', 'TenantRoute/tenant1', 'TenantRoute/tenant2'],
  'demo/on-premises': ['RelayFleet/default', 'TenantRoute/on-premises', 'TenantRoute/students'],
};

const samples = [...new Set(PARTS.map(({ sample }) => sample))];

test.each(samples)('%s: nothing to complain about but Secrets that a repository must not hold', async (sample) => {
  const { code, errors, warnings } = await check(join(root, sample));
  expect({ code, errors }).toEqual({ code: 0, errors: 0 });
  expect(warnings.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^Secret "shared-dkim" does not /),
  );
  for (const { message } of warnings) expect(message).toMatch(/^Secret "[a-z-]+" does not exist /);
});

test.each(samples)('%s: holds no Secret', (sample) => {
  const kinds = new Set(documents(join(root, sample)).map(({ kind }) => kind));
  expect(kinds).toContain('SharedDomain');
  expect(kinds).not.toContain('Secret');
});

test('the first sample runs without a RelayFleet', () => {
  expect(documents(join(root, TWO_TENANTS_PART.sample)).map(({ kind }) => kind)).not.toContain('RelayFleet');
});

function overlayFor({ overlay }: Part): string {
  const to = join(folder, overlay);
  writeOverlay({ from: join(root, overlay), to, ports, dkimKey: privateKey, authority });
  return to;
}

function textOf(directory: string): string {
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');
}

test.each(PARTS)('$overlay: nothing is missing, and only the fleet and the two routes are replaced', async (part) => {
  const to = overlayFor(part);
  expect(await check(join(root, part.sample), to)).toEqual({ code: 0, errors: 0, warnings: [] });
  const names = documents(to).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  expect(new Set(names)).toEqual(new Set([...(REPLACED[part.overlay] ?? []), 'Secret/shared-dkim', 'Secret/demo-ca']));
  expect(textOf(to)).not.toMatch(/port: 26\d\d/);
});

test('the tenth tenant joins without any complaint', async () => {
  const to = overlayFor(EXCHANGE_ONLINE_PART);
  writeManifests({ from: join(root, 'demo', 'tenth-tenant'), to, ports });
  expect(await check(join(root, EXCHANGE_ONLINE_PART.sample), to)).toEqual({ code: 0, errors: 0, warnings: [] });
  expect(textOf(to)).not.toMatch(/port: 26\d\d/);
});
