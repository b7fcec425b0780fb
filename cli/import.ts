/** `isthmus import`: makes manifests of the address tables of Exchange and Postfix, and says which rows it left out. */

import { basename } from 'node:path';
import { countRows } from '../operator/compile/rejected-rows.ts';
import type { Direction } from '../relay/core/config.ts';
import { type CommandLine, CommandLineError, helpText, type OptionSpecs, parseCommandLine } from './command-line.ts';
import { boundsOf, UNBOUNDED } from './import/bounds.ts';
import type { LeftOut } from './import/imported.ts';
import { heading, writeManifest } from './import/output.ts';
import { FORMATS, readFiles } from './import/read-files.ts';
import { type ImportTarget, manifestText, ruleManifests } from './import/rule-manifests.ts';
import { type Settled, settle } from './import/settle.ts';
import { DEFAULT_NAMESPACE } from './manifests/document.ts';
import { readManifests } from './manifests/read.ts';

const OPTIONS: OptionSpecs = {
  'shared-domain': { value: 'NAME', help: 'the SharedDomain of the shared addresses' },
  'tenant-route': { value: 'NAME', help: 'the TenantRoute of the tenant addresses' },
  manifests: { value: 'DIR', multiple: true, help: 'compare rows with the domains of these two, which are in DIR' },
  from: { value: 'FORMAT', help: `${FORMATS.join(', ')}; default: what content and file name say` },
  direction: { value: 'DIRECTION', help: 'of rows of Postfix maps: Both, OutboundOnly, InboundOnly' },
  name: { value: 'NAME', help: 'how objects and file are called; default: tenant route and file' },
  namespace: { value: 'NAME', help: 'namespace of the objects' },
  output: { value: 'DIR', help: 'writes DIR/NAME.yaml; default: -, standard output' },
  strict: { help: 'write nothing when a row is left out' },
  help: { help: 'this text' },
};

const SUMMARY = `Reads tables of addresses and writes ConfigMaps and RewriteRules that isthmus relay, check and kubectl apply take:
  Exchange  New-AddressRewriteEntry's import format, or Get-AddressRewriteEntry | Export-Csv
  Postfix   text of canonical, sender_canonical, generic (outbound), recipient_canonical, virtual (inbound); pairs
            that two maps say the two directions of become rows of both directions
Rows of which no rule can be made are named by line on standard error; all others are written.
Exit code 0: all rows are written. 1: some are not. 2: the command line is wrong.`;

const USAGE = 'isthmus import FILE... --shared-domain NAME --tenant-route NAME [options]';
const DIRECTIONS = ['Both', 'OutboundOnly', 'InboundOnly'] as const;
/** RFC 1123, and short enough to be a label. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

export function runImport(args: readonly string[]): number {
  const commandLine = parseCommandLine('import', OPTIONS, args);
  if (commandLine.has('help')) {
    process.stdout.write(helpText(USAGE, SUMMARY, OPTIONS));
    return 0;
  }
  const files = commandLine.positionals;
  if (files.length === 0) throw new CommandLineError('which file?', USAGE);
  const target = readTarget(commandLine, files);
  const format = oneOf(commandLine, 'from', FORMATS);
  const direction: Direction | undefined = oneOf(commandLine, 'direction', DIRECTIONS);
  const folders = commandLine.all('manifests');
  const bounds = folders.length === 0 ? UNBOUNDED : boundsOf(readManifests(folders), target);

  const read = readFiles(files, { format, direction });
  const settled = settle(read.rows, bounds);
  const { manifests, leftOut: ofDomains } = ruleManifests(settled, target);
  const leftOut = [...read.leftOut, ...settled.leftOut, ...ofDomains];
  report([...read.refused, ...read.notes, ...shareNotes(settled)], leftOut);
  if (read.refused.length > 0) return refuse('nothing is written: a file could not be read');
  if (manifests.length === 0) return refuse('nothing is written: there is no row to write');
  if (leftOut.length > 0 && commandLine.has('strict')) return refuse('nothing is written: --strict');

  const text = manifestText(heading(files.map((file) => basename(file))), manifests);
  const output = commandLine.one('output') ?? '-';
  if (output === '-') process.stdout.write(text);
  else say(`${writeManifest(output, target.name, text)} is written; isthmus check says what else it needs`);
  const tables = manifests.filter(({ kind }) => kind === 'ConfigMap').length;
  const [maps, rules] = [counted(tables, 'ConfigMap'), counted(manifests.length - tables, 'RewriteRule')];
  say(`${summaryOf(settled, ofDomains)} in ${maps} and ${rules}, ${leftOut.length} left out`);
  return leftOut.length === 0 ? 0 : 1;
}

function readTarget(commandLine: CommandLine, files: readonly string[]): ImportTarget {
  const [sharedDomain, tenantRoute] = [commandLine.one('shared-domain'), commandLine.one('tenant-route')];
  if (sharedDomain === undefined || tenantRoute === undefined) {
    throw new CommandLineError('rows need a SharedDomain and a TenantRoute', USAGE);
  }
  for (const option of ['shared-domain', 'tenant-route', 'namespace']) {
    const given = commandLine.one(option) ?? DEFAULT_NAMESPACE;
    if (OBJECT_NAME.test(given)) continue;
    throw new CommandLineError(`--${option} "${given}" is no name of an object`, 'write what metadata.name says');
  }
  const stem = basename(files[0] ?? '').replace(/\.[^.]*$/, '');
  const name = commandLine.one('name') ?? slug(`${tenantRoute}-${stem}`);
  if (!NAME.test(name)) {
    throw new CommandLineError(
      `"${name}" cannot be the name of objects`,
      'choose a --name of letters in lower case, digits and hyphens, at most 63',
    );
  }
  return { name, sharedDomain, tenantRoute, namespace: commandLine.one('namespace') ?? DEFAULT_NAMESPACE };
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-|-$/g, '');
}

function oneOf<T extends string>(commandLine: CommandLine, option: string, values: readonly T[]): T | undefined {
  const given = commandLine.one(option);
  const value = values.find((each) => each === given);
  if (given === undefined || value !== undefined) return value;
  throw new CommandLineError(`--${option} "${given}" is unknown`, `write ${values.join(', ')}`);
}

/** A rule serves one shared domain; with manifests, rows of others have been left out. */
function shareNotes({ addresses, domains }: Settled): string[] {
  const shared = new Set(domains.map(({ row }) => row.external));
  for (const { row } of addresses) shared.add(row.external.slice(row.external.lastIndexOf('@') + 1));
  if (shared.size < 2) return [];
  return [
    `the external addresses are in ${shared.size} domains, and a SharedDomain has one: with --manifests DIR the rows ` +
      'of the others are left out',
  ];
}

function report(notes: readonly string[], leftOut: readonly LeftOut[]): void {
  for (const note of notes) say(note);
  const lines = [...leftOut].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  for (const { file, line, problem } of lines) say(`${file}:${line}: left out: ${problem}`);
  const advice = new Map<string, number>();
  for (const row of leftOut) advice.set(row.advice, (advice.get(row.advice) ?? 0) + 1);
  for (const [text, count] of advice) say(`${countRows(count)}: ${text}`);
}

/** Rows of one direction by number: who imports half of a pair of maps sees it here. */
function summaryOf({ addresses, domains }: Settled, leftOut: readonly LeftOut[]): string {
  const missing = new Set(leftOut.map(({ file, line }) => `${file}:${line}`));
  const all = [...addresses, ...domains]
    .filter(({ row: { place } }) => !missing.has(`${place.where}:${place.line}`))
    .map(({ row }) => row.direction);
  const ofOne = (['OutboundOnly', 'InboundOnly'] as const)
    .map((direction) => ({ direction, count: all.filter((each) => each === direction).length }))
    .filter(({ count }) => count > 0)
    .map(({ direction, count }) => `${count} ${direction}`);
  return `${countRows(all.length)}${ofOne.length === 0 ? '' : ` (${ofOne.join(', ')})`}`;
}

function counted(count: number, kind: string): string {
  return `${count} ${kind}${count === 1 ? '' : 's'}`;
}

function refuse(text: string): 1 {
  say(text);
  return 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
