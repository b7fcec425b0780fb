/** `isthmus import`: from the tables of another system to manifests that `isthmus check` has nothing to say against. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runImport } from '../../cli/import.ts';
import { isthmus } from '../support/isthmus.ts';
import { twoTenants } from '../support/two-tenants.ts';

const CASES = fileURLToPath(new URL('../cases/import', import.meta.url));
const PORTS = { tenant1: 2601, tenant2: 2602, world: 2603 };
const OWNERS = ['--shared-domain', 'shared', '--tenant-route', 'tenant1'];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Manifests around an import: both tenants and the domain, and no rules. */
function surroundings(files: Record<string, string | Uint8Array> = {}): string {
  const made = mkdtempSync(join(tmpdir(), 'isthmus-import-'));
  folders.push(made);
  const { 'john.yaml': _john, 'mary.yaml': _mary, ...around } = twoTenants(PORTS);
  mkdirSync(join(made, 'm'));
  for (const [name, text] of Object.entries(around)) writeFileSync(join(made, 'm', name), text);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

const HEADER = 'Name,InternalAddress,ExternalAddress\n';
const row = (name: string) => `${name},${name}@tenant1.example,${name}@shared.example\n`;

describe('isthmus import', () => {
  it.each([
    [
      'an export of Exchange',
      'edge',
      ['entries.csv'],
      [
        'entries.csv: columns that mean nothing here: "Identity"',
        'entries.csv:8: left out: its internal address has a malformed domain (zoe@ → zoe2@shared.example)',
        "entries.csv:9: left out: its internal address is in none of the TenantRoute's domains (mary@tenant2.example",
        "entries.csv:10: left out: its external address is not in the SharedDomain's domain (zoe@tenant1.example → zoe@",
        'entries.csv:11: left out: it repeats an address of entries.csv, line 4 (alice@tenant1.example →',
        "entries.csv:12: left out: its internal domain is none of the TenantRoute's domains (under_score.tenant1.",
        '5 rows (2 OutboundOnly) in 1 ConfigMap and 3 RewriteRules, 5 left out',
      ],
    ],
    [
      'two maps of Postfix',
      'postfix',
      ['sender_canonical', 'virtual'],
      [
        'virtual:5: left out: it leads to 2 addresses',
        '1 row: a rule leads one address to one address',
        '5 rows (1 OutboundOnly, 1 InboundOnly) in 1 ConfigMap and 2 RewriteRules, 1 left out',
      ],
    ],
  ])('makes manifests of %s that check accepts', async (_name, folder, files, said) => {
    const around = join(surroundings(), 'm');
    const paths = files.map((file) => join(CASES, folder, file));
    const options = [...OWNERS, '--manifests', around, '--name', 'moved'];
    const { code, stdout, stderr } = await isthmus(['import', ...paths, ...options]);
    expect(stdout).toBe(readFileSync(join(CASES, folder, 'expected.yaml'), 'utf8'));
    for (const text of said) expect(stderr).toContain(text);
    expect(code).toBe(1);

    const written = await isthmus(['import', ...paths, ...options, '--output', around]);
    expect(written.stdout).toBe('');
    expect(readFileSync(join(around, 'moved.yaml'), 'utf8')).toBe(stdout);
    const check = await isthmus(['check', around]);
    expect(check.stdout).toMatch(/ 0 errors, 0 warnings$/m);
    expect(check.code).toBe(0);
  });

  it('writes nothing with --strict when a row is left out', async () => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}bad,bad,bad@shared.example\n` });
    const strict = ['--strict', '--output', join(made, 'out')];
    const { code, stderr } = await isthmus(['import', join(made, 'users.csv'), ...OWNERS, ...strict]);
    expect(stderr).toMatch(/users\.csv:3: left out: .*\n(?:.*\n)*nothing is written: --strict\n$/);
    expect(code).toBe(1);
    expect(readdirSync(made)).not.toContain('out');
  });

  it('writes what it can without --strict, and 0 is the exit code of all', async () => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}` });
    const { code, stderr } = await isthmus(['import', join(made, 'users.csv'), ...OWNERS, '--output', join(made, 'o')]);
    expect(stderr).toMatch(/o\/tenant1-users\.yaml is written; .*\n1 row in 1 ConfigMap and 1 RewriteRule, 0 left out/);
    expect(code).toBe(0);
  });

  it('writes the same bytes whatever the order and the encoding of the rows', async () => {
    const text = `${HEADER}${row('zoë')}${row('ann')}`;
    const made = surroundings({ 'users.csv': text });
    const importing = () => isthmus(['import', join(made, 'users.csv'), ...OWNERS]);
    const first = await importing();
    const other = `\ufeff${HEADER}${row('ann')}${row('zoë')}`.replaceAll(',', ';').replaceAll('\n', '\r\n');
    writeFileSync(join(made, 'users.csv'), Buffer.from(other, 'utf16le'));
    expect(await importing()).toEqual(first);
  });

  it('replaces its own file and no other', async () => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}`, 'mine.yaml': 'kind: Something\n' });
    const importing = (name: string) =>
      isthmus(['import', join(made, 'users.csv'), ...OWNERS, '--output', made, '--name', name]);
    await importing('again');
    writeFileSync(join(made, 'users.csv'), `${HEADER}${row('bob')}`);
    expect((await importing('again')).code).toBe(0);
    expect(readFileSync(join(made, 'again.yaml'), 'utf8')).toContain('bob@tenant1.example');
    const refused = await importing('mine');
    expect(refused.stderr).toMatch(/mine\.yaml was not written by isthmus import\nchoose another --name or --output/);
    expect(refused.code).toBe(2);
    expect(readFileSync(join(made, 'mine.yaml'), 'utf8')).toBe('kind: Something\n');
  });

  it('takes 50,000 rows in pieces that every way of applying takes', async () => {
    const rows = Array.from({ length: 50_000 }, (_, index) => row(`person.number.${index}`));
    const made = surroundings({ 'users.csv': HEADER + rows.join('') });
    const options = [...OWNERS, '--manifests', join(made, 'm'), '--output', join(made, 'm')];
    const { code, stderr } = await isthmus(['import', join(made, 'users.csv'), ...options]);
    expect(stderr).toMatch(/^50000 rows in 32 ConfigMaps and 2 RewriteRules, 0 left out$/m);
    expect(code).toBe(0);
    const documents = readFileSync(join(made, 'm', 'tenant1-users.yaml'), 'utf8').split('---\n');
    for (const document of documents) expect(Buffer.byteLength(document)).toBeLessThan(262_144);
    const check = await isthmus(['check', join(made, 'm')]);
    expect(check.stdout).toMatch(/ 0 errors, 0 warnings$/m);
  });

  it('turns the rows of Postfix maps as --direction says', async () => {
    const options = [...OWNERS, '--from', 'virtual', '--direction', 'Both'];
    const made = surroundings({ people: 'ann@shared.example ann@tenant1.example\n' });
    const { stdout } = await isthmus(['import', join(made, 'people'), ...options]);
    expect(stdout).toContain('\n    ,ann@tenant1.example,ann@shared.example\n');
  });

  it('says when rows are of several shared domains', async () => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}b,b@tenant1.example,b@else.example\n` });
    const { stderr } = await isthmus(['import', join(made, 'users.csv'), ...OWNERS]);
    expect(stderr).toMatch(/the external addresses are in 2 domains, .*--manifests DIR/);
  });

  it('leaves out domains of which no rule can be made', async () => {
    const text = `Name,InternalAddress,ExternalAddress,OutboundOnly
A,t_1.example,shared.example,True
B,t.example,shared.example
C,t.example,other.example
`;
    const made = surroundings({ 'users.csv': text });
    writeFileSync(join(made, 'virtual'), '@third.example @t.example\n');
    const files = [join(made, 'users.csv'), join(made, 'virtual')];
    const { stdout, stderr, code } = await isthmus(['import', ...files, ...OWNERS]);
    expect(stderr).toMatch(
      /^users\.csv:2: left out: no rule can be made of it: spec\.domain\.internal: .* must be a domain name/m,
    );
    expect(stderr).toMatch(/^users\.csv:4: left out: it repeats an address of users\.csv, line 3/m);
    expect(stderr).toMatch(/^virtual:1: left out: another row leads the same domain elsewhere \(t\.example → third/m);
    expect(stderr).toMatch(/^1 row in 0 ConfigMaps and 1 RewriteRule, 3 left out$/m);
    expect(stdout.match(/^kind: /gm)).toHaveLength(1);
    expect(code).toBe(1);
  });

  it('names the namespace where it is not the default', async () => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}` });
    const { stdout } = await isthmus(['import', join(made, 'users.csv'), ...OWNERS, '--namespace', 'mail']);
    expect(stdout.match(/^ {2}namespace: mail$/gm)).toHaveLength(2);
  });

  it.each([
    ['a table that is none', { 'users.csv': 'Mail\na@b\n' }, /users\.csv: the table has no column InternalAddress/],
    ['a database', { virtual: '\0\0a@s\0' }, /virtual: the table is a database, not text: .*postmap -s/],
    ['a table without rows', { 'users.csv': HEADER }, /nothing is written: there is no row to write/],
  ])('writes nothing of %s', async (_name, files, expected) => {
    const made = surroundings(files);
    const { code, stdout, stderr } = await isthmus(['import', join(made, Object.keys(files)[0] ?? ''), ...OWNERS]);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it.each([
    ['no file', OWNERS, /which file\?/],
    ['no owners', ['people'], /rows need a SharedDomain and a TenantRoute/],
    ['a file that is not there', ['nowhere.csv', ...OWNERS], /nowhere\.csv cannot be read \(ENOENT\)/],
    ['a map of an unknown kind', ['people', ...OWNERS], /people has no header line of Exchange, and its name/],
    ['an unknown format', ['people', ...OWNERS, '--from', 'sendmail'], /--from "sendmail" is unknown/],
    ['a direction for a CSV', ['users.csv', ...OWNERS, '--direction', 'Both'], /--direction is for Postfix maps/],
    [
      'a name of no object',
      ['people', '--shared-domain', 'shared', '--tenant-route', 'T 1'],
      /--tenant-route "T 1" is no/,
    ],
    ['a bad name', ['users.csv', ...OWNERS, '--name', 'A b'], /"A b" cannot be the name of objects/],
    [
      'a domain that the manifests do not hold',
      ['users.csv', '--manifests', 'm', '--shared-domain', 'other', '--tenant-route', 'tenant1'],
      /the manifests hold no valid SharedDomain "other" in namespace "default"/,
    ],
  ])('asks again for %s', (_name, args, expected) => {
    const made = surroundings({ 'users.csv': `${HEADER}${row('ann')}`, people: 'a@t.example a@s.example\n' });
    const known = ['m', 'people', 'users.csv'];
    const absolute = args.map((arg) => (known.includes(arg) ? join(made, arg) : arg));
    expect(() => runImport(absolute)).toThrow(expected);
  });
});
