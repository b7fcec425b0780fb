/** Manifests read in a thread come to what they come to without one, and only what changed is sent. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CommandLineError } from '../../cli/command-line.ts';
import { parseRelayCommand, type RelayCommand } from '../../cli/relay-options.ts';
import { RelaySource } from '../../cli/relay-source.ts';
import { type SourceThread, startSource } from '../../cli/source-thread.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
/** More than one message of rows. */
const PEOPLE = 4500;

const folders: string[] = [];
const threads: SourceThread[] = [];

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'isthmus-source-'));
  folders.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
  for (const each of folders.splice(0)) rmSync(each, { recursive: true });
});

const manifest = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { name, namespace: 'mail' }, spec });

function rule(name: string, alias: string): string {
  return manifest('RewriteRule', name, {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant' },
    direction: 'InboundOnly',
    addresses: [{ internal: 'person1@tenant.example', external: `${alias}@shared.example` }],
  });
}

function manifests(): string {
  const made = folder();
  const lines = Array.from({ length: PEOPLE }, (_, at) => `person${at}@tenant.example,person${at}@shared.example`);
  const files = {
    'domain.json': manifest('SharedDomain', 'shared', { domain: 'shared.example' }),
    'route.json': manifest('TenantRoute', 'tenant', {
      sharedDomainRefs: [{ name: 'shared' }],
      domains: ['tenant.example'],
      nextHop: { hosts: [{ host: 'mail.tenant.example' }] },
    }),
    'people.json': manifest('RewriteRule', 'people', {
      sharedDomainRef: { name: 'shared' },
      tenantRouteRef: { name: 'tenant' },
      addressesFrom: [{ configMapKeyRef: { name: 'users', key: 'users.csv' } }],
    }),
    'users.json': JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'users', namespace: 'mail' },
      data: { 'users.csv': ['InternalAddress,ExternalAddress', ...lines].join('\n') },
    }),
    'alias.json': rule('alias', 'sales'),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

function command(from: string, ...more: string[]): RelayCommand {
  const parsed = parseRelayCommand(['--manifests', from, '--data', folder(), ...more]);
  if (parsed === undefined) throw new Error('that is no question for help');
  return parsed;
}

async function start(options: RelayCommand): Promise<SourceThread> {
  const thread = await startSource(options);
  threads.push(thread);
  return thread;
}

describe('SourceThread', () => {
  it('reads what RelaySource reads', async () => {
    const options = command(manifests());
    const thread = await start(options);
    const read = await thread.read(NOW);
    const same = new RelaySource(options).read(NOW);
    expect(read.diagnoses).toEqual(same.diagnoses);
    expect(read.kept).toEqual(same.kept);
    expect(read.fleet()).toEqual(same.fleet());
    expect(read.fleet().config.rewriteRules.map(({ addresses }) => addresses.length)).toEqual([1, PEOPLE]);
  });

  it('keeps a rule that has not changed as the same object', async () => {
    const from = manifests();
    const thread = await start(command(from));
    const before = (await thread.read(NOW)).fleet().config.rewriteRules;
    writeFileSync(join(from, 'alias.json'), rule('alias', 'office'));
    const after = (await thread.read(NOW)).fleet().config.rewriteRules;
    expect(after[0]?.addresses).toEqual([['person1@tenant.example', 'office@shared.example', 'InboundOnly']]);
    expect(after[1]).toBe(before[1]);
  });

  it('remembers what was read last, and no more than that', async () => {
    const from = manifests();
    const options = command(from);
    const thread = await start(options);
    await thread.read(NOW);
    await thread.remember();
    rmSync(join(from, 'alias.json'));
    const again = (await thread.read(NOW)).fleet();
    expect(again.config.held.addresses).toEqual(['sales@shared.example']);
    expect(new RelaySource(options).read(NOW).fleet()).toEqual(again);
  });

  it('says what is wrong with the command line as the command line does', async () => {
    const several = manifests();
    for (const name of ['one', 'two']) writeFileSync(join(several, `${name}.json`), manifest('RelayFleet', name, {}));
    const read = await (await start(command(several, '--fleet', 'three'))).read(NOW);
    expect(() => read.fleet()).toThrow(new CommandLineError('there is no RelayFleet three', 'there is: one, two'));
    expect(() => read.fleet()).toThrow(CommandLineError);
    const options = command(manifests());
    writeFileSync(join(options.dataFolder, 'state.json'), '{}');
    await expect(startSource(options)).rejects.toThrow(CommandLineError);
  });

  it('rejects everything once it is closed', async () => {
    const thread = await start(command(manifests()));
    await thread.close();
    await expect(thread.read(NOW)).rejects.toThrow('has ended');
  });
});
