/**
 * `isthmus explain`: each file of test/cases/explain is a command line, what it prints, and its exit code. Manifests are
 * those of two-tenants.ts, in the folder `two-tenants`, and the folders beside the cases.
 */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLineError } from '../../cli/command-line.ts';
import { answer } from '../../cli/explain.ts';
import { type ExplainCommand, parseExplainCommand } from '../../cli/explain-options.ts';
import { parseRelayCommand, type RelayCommand } from '../../cli/relay-options.ts';
import { RelaySource } from '../../cli/relay-source.ts';
import { run } from '../support/child-process.ts';
import { CLI } from '../support/isthmus.ts';
import { ROOT } from '../support/test-files.ts';
import { twoTenants } from '../support/two-tenants.ts';

const CASES = fileURLToPath(new URL('../cases/explain', import.meta.url));
const DOCUMENTATION = join(ROOT, 'docs/explain.md');
const SAMPLES = 'deploy/samples/two-tenants';
const PROMPT = '$ isthmus explain ';
/** UPDATE=1 writes the outputs: read every line of the difference before it is kept. */
const update = process.env.UPDATE === '1';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-explain-'));

beforeAll(() => {
  cpSync(CASES, folder, { recursive: true });
  cpSync(join(ROOT, SAMPLES), join(folder, SAMPLES), { recursive: true });
  writeFileSync(join(folder, 'big.eml'), `From: john@tenant1.example\n\n${'x'.repeat(70_000)}\n`);
  const hop = 'Received: from a.example by b.example; Sun, 22 Nov 2026 07:00:00 +0000\n';
  writeFileSync(join(folder, 'loop.eml'), `${hop.repeat(31)}From: x@world.example\n\nHello\n`);
  const manifests = join(folder, 'two-tenants');
  mkdirSync(manifests);
  for (const [file, text] of Object.entries(twoTenants({ tenant1: 2601, tenant2: 2602, world: 2603 }))) {
    writeFileSync(join(manifests, file), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program of its own. */
function explain(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return run(process.execPath, [CLI, 'explain', ...args], { cwd: folder, env });
}

/** The date in our Received field is today's. */
function undated(text: string): string {
  return text.replace(/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000(?=\n.*\n)/g, (date, at: number) =>
    text.slice(0, at).endsWith('id explain.0; ') ? '<now>' : date,
  );
}

const files = readdirSync(CASES).filter((file) => file.endsWith('.txt'));

function lineOf(text: string): string {
  return text.split('\n').find((line) => line.startsWith(PROMPT)) ?? '';
}

function argsOf(line: string): string[] {
  return line.slice(PROMPT.length).split(' ');
}

/** `recipients[].given`: every name under which the value holds something. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => fieldsOf(one, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path.replace(/\[\]$/, '')];
  return Object.entries(value).flatMap(([name, one]) => fieldsOf(one, path === '' ? name : `${path}.${name}`));
}

/** In this process, as a program's start takes longer than its story; `manifests` and messages as in the folder. */
async function told(args: readonly string[]): Promise<{ readonly text: string; readonly code: number }> {
  const command = parseExplainCommand(
    args.map((one, index) => (args[index - 1] === '--manifests' || one.endsWith('.eml') ? resolve(folder, one) : one)),
  );
  const { text, accepted } = await answer(command as ExplainCommand);
  return { text: stripVTControlCharacters(text).replaceAll(`${folder}/`, ''), code: accepted ? 0 : 1 };
}

describe('isthmus explain', () => {
  it.each(files)('%s', async (file) => {
    const expected = readFileSync(join(CASES, file), 'utf8');
    const command = lineOf(expected);
    const head = expected.slice(0, expected.indexOf(command) + command.length + 1);
    const { text, code } = await told(argsOf(command));
    const actual = `${head}${undated(text)}exit code ${code}\n`;
    if (update) writeFileSync(join(CASES, file), actual);
    expect(actual).toBe(update ? actual : expected);
  });

  it('names what has disappeared and is remembered, and writes nothing there', async () => {
    const [manifests, data] = [join(folder, 'remembered'), join(folder, 'data')];
    cpSync(join(folder, 'two-tenants'), manifests, { recursive: true });
    mkdirSync(data);
    const source = new RelaySource(parseRelayCommand(['--manifests', manifests, '--data', data]) as RelayCommand);
    source.remember(source.read(new Date()).state());
    rmSync(join(manifests, 'mary.yaml'));
    const about = ['--manifests', manifests, '--client', '127.0.0.13', '--from', '', '--to', 'mary@shared.example'];
    const remembered = await told([...about, '--data', data]);
    expect(remembered.text).toContain('451 4.3.5 ');
    expect(remembered.text).toMatch(/it waits for\n.*\n +RewriteRule mary was in force and is not now; until \d{4}-/);
    expect(remembered.code).toBe(1);
    expect((await told(about)).text).toContain('550 5.1.1 ');
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await told([...about, '--data', empty]);
    expect(readdirSync(empty)).toEqual([]);
  });

  it('puts everything into JSON, by the names that the documentation gives', async () => {
    const documented = readFileSync(DOCUMENTATION, 'utf8');
    const cells = [...documented.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = '']) => cell);
    const names = new Set(cells.flatMap((cell) => cell.match(/\w[\w.[\]]*/g) ?? []));
    const seen = new Set<string>();
    for (const file of files) {
      const args = argsOf(lineOf(readFileSync(join(CASES, file), 'utf8')));
      const { text, code } = await told([...args, '--output', 'json']);
      const story: unknown = JSON.parse(text);
      for (const name of fieldsOf(story)) seen.add(name);
      expect(story).toMatchObject({ accepted: code === 0 });
    }
    expect([...seen].filter((name) => !names.has(name))).toEqual([]);
  });

  it('is shown in the documentation as it is', () => {
    const [, ...lines] = readFileSync(join(CASES, 'samples.txt'), 'utf8').split('\n');
    const example = lines.filter((line) => !line.startsWith('exit code')).join('\n');
    const documented = readFileSync(DOCUMENTATION, 'utf8');
    const updated = documented.replace(
      /```console\n\$ isthmus explain [^]*?```/,
      `\`\`\`console\n${example.trim()}\n\`\`\``,
    );
    if (update) writeFileSync(DOCUMENTATION, updated);
    expect(updated).toContain(example.trim());
    expect(documented).toBe(update ? documented : updated);
  });
});

describe('the command', () => {
  const QUESTION = ['--client', '127.0.0.11', '--from', 'john@tenant1.example', '--to', 'x@world.example'];
  const PLAIN = ['--manifests', 'two-tenants', ...QUESTION, 'mail.eml'];

  it('has colours on a terminal alone', async () => {
    const [coloured, plain] = await Promise.all([explain(PLAIN, { FORCE_COLOR: '1' }), explain(PLAIN)]);
    expect(coloured.stdout).toContain('\u001b[31m- From: "John" <john@tenant1.example>\u001b[39m');
    expect(coloured.stdout).toContain('\u001b[32m+ From: "John" <john@shared.example>\u001b[39m');
    expect(plain.stdout).not.toContain('\u001b');
    expect(undated(stripVTControlCharacters(coloured.stdout))).toBe(undated(plain.stdout));
  });

  it('ends with 1 when somebody is refused, and with 2 when it does not understand', async () => {
    const strange = ['--client', '198.51.100.7', '--from', '', '--to', 'x@world.example', '--output', 'json'];
    const [refused, wrong] = await Promise.all([
      explain(['--manifests', 'two-tenants', ...strange]),
      explain(QUESTION),
    ]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ accepted: false, recipients: [{ row: 'RelayingDenied' }] });
    expect(refused.code).toBe(1);
    expect(wrong).toEqual({
      stdout: '',
      stderr: 'isthmus: which folder of manifests?\n--manifests DIR names it; --cluster asks a cluster\n',
      code: 2,
    });
  });

  it.each([
    ['no manifests', QUESTION, /which folder of manifests\?\n--manifests DIR/],
    ['no client', ['--manifests', 'two-tenants'], /which client\?\n/],
    ['no sender', ['--manifests', 'two-tenants', '--client', '::1'], /who is the sender\?\n/],
    ['no recipient', ['--manifests', 'two-tenants', '--client', '::1', '--from', ''], /who is the recipient\?\n/],
    ['a client by name', [...PLAIN, '--client', 'mail.example'], /--client was given 2 times/],
    ['a name for a client', ['--manifests', 'two-tenants', '--client', 'mail.example'], /is no IP address\nwrite 192/],
    ['a tenant that is no GUID', [...PLAIN, '--tenant', 'tenant1'], /--tenant "tenant1" is none\nwrite a GUID/],
    [
      'a certificate that is no name',
      [...PLAIN, '--certificate', 'a b'],
      /--certificate "a b" is none\nwrite a DNS name/,
    ],
    ['an unknown format', [...PLAIN, '--output', 'xml'], /--output "xml" is unknown\nwrite text or json/],
    ['two messages', [...PLAIN, 'mary.eml'], /mary\.eml" stands alone/],
    [
      'a message that is not there',
      ['--manifests', 'two-tenants', ...QUESTION, 'no.eml'],
      /no\.eml cannot be read: .*\nname a file/,
    ],
    [
      'a memory that is not there',
      [...PLAIN, '--data', 'no-such'],
      /there is no folder no-such\n--data names a relay's/,
    ],
    ['a fleet that is not there', [...PLAIN, '--fleet', 'other'], /there is no RelayFleet other\nthere is: default/],
  ])('asks again for %s', async (_name, args, expected) => {
    const error = await told(args).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(CommandLineError);
    const { message, advice } = error as CommandLineError;
    expect(`${message}\n${advice}`).toMatch(expected);
  });
});
