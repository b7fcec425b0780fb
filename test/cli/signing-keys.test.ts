/** Keys of trace fields from files: made once, kept for their owner's eyes, changed by renaming, never silently replaced. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RelaySource } from '../../cli/relay-source.ts';
import { signingKeys } from '../../cli/signing-keys.ts';
import type { FleetResult } from '../../operator/compile/result.ts';
import { isthmus } from '../support/isthmus.ts';
import { twoTenants } from '../support/two-tenants.ts';

const PORTS = { tenant1: 2601, tenant2: 2602, world: 2603 };
const KEY = 'a key of somebody who writes his own';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(files: Readonly<Record<string, string>> = {}): string {
  const made = mkdtempSync(join(tmpdir(), 'isthmus-keys-'));
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

/** As `isthmus relay` reads it at its start. */
function fleet(dataFolder: string, manifests: Readonly<Record<string, string>> = twoTenants(PORTS)): FleetResult {
  const source = new RelaySource({
    manifests: [folder(manifests)],
    dataFolder,
    fleet: undefined,
    tlsFiles: undefined,
    listen: [],
    metrics: undefined,
    dnsServers: [],
    workers: 1,
    spoolFolder: dataFolder,
  });
  return source.read(new Date()).fleet();
}

const keysOf = ({ config, credentials }: FleetResult) => config.fleet.traceKeys?.map((id) => credentials.get(id));

describe('the signing key', () => {
  it('is made when there is none, readable by its owner only, and kept', () => {
    const data = folder();
    const [made] = signingKeys(data);
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(readdirSync(data)).toEqual(['signing.key']);
    expect(statSync(join(data, 'signing.key')).mode & 0o777).toBe(0o600);
    expect(signingKeys(data)).toEqual([made]);
    expect(signingKeys(folder())).not.toEqual([made]);
  });

  it('is believed still when it was renamed, and a new one signs', () => {
    const data = folder();
    const [before] = signingKeys(data);
    renameSync(join(data, 'signing.key'), join(data, 'previous.key'));
    const [now, previous, ...more] = signingKeys(data);
    expect([previous, more]).toEqual([before, []]);
    expect(now).not.toBe(before);
  });

  it('may be of its owner’s own making', () => {
    expect(signingKeys(folder({ 'signing.key': `${KEY}\n` }))).toEqual([KEY]);
  });

  it.each([
    ['empty', ''],
    ['too short', 'short\n'],
    ['several lines', `${KEY}\n${KEY}\n`],
    ['octets that are no text', `${KEY}\u0000`],
  ])('is refused with advice when its file is %s', (_what, text) => {
    for (const [name, other] of [
      ['signing.key', {}],
      ['previous.key', { 'signing.key': KEY }],
    ] as const) {
      const data = folder({ ...other, [name]: text });
      expect(() => signingKeys(data)).toThrow(`${join(data, name)} holds no key: one line of 32 octets or more`);
      expect(readFileSync(join(data, name), 'utf8')).toBe(text);
    }
  });
});

describe('isthmus relay', () => {
  it('gives its relay the kept keys as credentials', () => {
    const data = folder({ 'signing.key': KEY, 'previous.key': `before: ${KEY}` });
    expect(keysOf(fleet(data))).toEqual([KEY, `before: ${KEY}`]);
    expect(fleet(data).config.revision).toBe(fleet(data).config.revision);
  });

  it('makes a configuration of its own of a changed key', () => {
    const revisions = [KEY, `other ${KEY}`].map((key) => fleet(folder({ 'signing.key': key })).config.revision);
    expect(new Set(revisions).size).toBe(2);
  });

  it('prefers the Secret that the fleet names', () => {
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: signing}\nstringData: {signing.key: ${'s'.repeat(32)}}\n`;
    const manifests = twoTenants({ ...PORTS, fleet: '  signingSecretRef: {name: signing}\n' });
    const read = fleet(folder({ 'signing.key': KEY }), { ...manifests, 'secret.yaml': secret });
    expect(keysOf(read)).toEqual(['s'.repeat(32)]);
  });

  it('does not start over a broken key', async () => {
    const data = folder({ 'signing.key': 'short' });
    const manifests = folder(twoTenants(PORTS));
    const { code, stderr } = await isthmus(['relay', '--manifests', manifests, '--data', data, '--listen', '0']);
    expect(stderr).toMatch(/signing\.key holds no key: .*\nmove the file away to have a new key made/);
    expect(code).toBe(2);
  });

  it('says so when the key cannot be kept', () => {
    const data = folder();
    mkdirSync(join(data, 'signing.key'));
    expect(() => signingKeys(data)).toThrow(/signing\.key cannot be read: /);
  });
});
