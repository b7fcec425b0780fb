import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigSource, type Found } from '../../../relay/config-source/config-source.ts';
import type { RewriteRuleConfig } from '../../../relay/core/config.ts';
import { MANIFEST_FILE } from '../../../relay/core/manifest.ts';
import { rowAt } from '../../../relay/core/packed-rows.ts';
import { relayConfig } from '../../support/relay-config.ts';
import { rule } from '../../support/rewrite-rules.ts';
import { MountedFolder } from '../mounted-folder.ts';
import { packed, type Revision, volume } from '../pod-fixture.ts';

let mount: MountedFolder;
let state: string;
let problems: unknown[];

beforeEach(() => {
  mount = new MountedFolder();
  state = mkdtempSync(join(tmpdir(), 'isthmus-state-'));
  problems = [];
});

afterEach(() => {
  mount.remove();
  rmSync(state, { recursive: true, force: true });
});

async function source(stateFolder = state): Promise<ConfigSource> {
  const opened = new ConfigSource(mount.folder, stateFolder, (error) => problems.push(error));
  await opened.open();
  return opened;
}

function rules(count: number, changed?: number): RewriteRuleConfig[] {
  return Array.from({ length: count }, (_, at) =>
    rule(`rule-${String(at).padStart(3, '0')}`, {
      addresses: [[`u${at}@tenant1.example`, at === changed ? 'new@shared.example' : `u${at}@shared.example`, 'Both']],
    }),
  );
}

const revisionOf = (name: string, rewriteRules: RewriteRuleConfig[]): Revision =>
  packed({ ...relayConfig({ rewriteRules }), revision: name });

const wanted = async (from: ConfigSource) => await from.wanted(await from.mounted());
const any = async (from: ConfigSource) => await from.any(await from.mounted());

function complete(found: Found) {
  if (found.status !== 'complete') throw new Error(found.reason);
  return found.set;
}

const kept = () => readdirSync(join(state, 'last-verified')).sort();

describe('what is mounted', () => {
  test('is read whole, rules by name with their rows beside them', async () => {
    const written = rules(100);
    mount.set(volume({ proven: revisionOf('one', written) }));
    const { config, packed: rows } = complete(await wanted(await source()));
    expect(config.revision).toBe('one');
    expect(config.rewriteRules.map(({ name }) => name)).toEqual(written.map(({ name }) => name));
    const read = config.rewriteRules.flatMap(({ name }) => (rows.get(name) ?? []).map((part) => rowAt(part, 0)));
    expect(read).toEqual(written.flatMap(({ addresses }) => addresses));
  });

  test('keeps the very rows that did not change, those beside a changed rule included', async () => {
    const from = await source();
    mount.set(volume({ proven: revisionOf('one', rules(500)) }));
    const before = complete(await wanted(from)).packed;
    mount.set(volume({ proven: revisionOf('two', rules(500, 77)) }));
    const after = complete(await wanted(from)).packed;
    const changed = [...after].filter(([name, [rows]]) => rows !== before.get(name)?.[0]);
    expect(changed.map(([name]) => name)).toEqual(['rule-077']);
  });

  test.each([
    ['nothing', {}, 'there is no manifest yet'],
    ['a manifest that is no JSON', { [MANIFEST_FILE]: '{' }, `${MANIFEST_FILE} is no JSON`],
    ['a manifest of another format', { [MANIFEST_FILE]: '{"format":99}' }, /a format this relay does not read: format/],
    [
      'no revision',
      { [MANIFEST_FILE]: '{"format":1,"revisions":[],"memory":[]}' },
      'the manifest lists no proven revision',
    ],
  ])('is not complete with %s', async (_, files, reason) => {
    mount.set(files as Record<string, string>);
    const found = await wanted(await source());
    expect(found).toEqual({
      status: 'incomplete',
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  test('is read again when the rest of it comes', async () => {
    const files = volume({ proven: revisionOf('one', rules(300)) });
    const keys = Object.keys(files).filter((name) => name.length === 64);
    const { [keys.at(-1) ?? '']: _last, ...incomplete } = files;
    const from = await source();
    mount.set(incomplete);
    expect((await wanted(from)).status).toBe('incomplete');
    mount.set(files);
    expect(complete(await wanted(from)).config.revision).toBe('one');
  });
});

describe('the last verified set', () => {
  test('is what ran, and nothing else is kept', async () => {
    const from = await source();
    const [one, two] = [revisionOf('one', rules(50)), revisionOf('two', rules(50, 7))];
    for (const proven of [one, two]) {
      mount.set(volume({ proven }));
      await from.keep(complete(await wanted(from)));
    }
    expect(kept()).toEqual([...two.pieces.map(({ key }) => key), MANIFEST_FILE].sort());
    mount.set({});
    expect(complete(await any(await source())).config.revision).toBe('two');
    expect(problems).toEqual([]);
  });

  test('is not what was seen and did not run', async () => {
    const from = await source();
    mount.set(volume({ proven: revisionOf('one', rules(50)) }));
    await from.keep(complete(await wanted(from)));
    mount.set(volume({ proven: revisionOf('two', rules(50, 7)) }));
    complete(await wanted(from));
    mount.set({});
    expect(complete(await any(await source())).config.revision).toBe('one');
  });

  test('gives way to what is mounted and complete', async () => {
    const from = await source();
    mount.set(volume({ proven: revisionOf('one', rules(5)) }));
    await from.keep(complete(await wanted(from)));
    mount.set(volume({ proven: revisionOf('two', rules(5, 1)) }));
    expect(complete(await any(await source())).config.revision).toBe('two');
  });

  test('is verified as well', async () => {
    const from = await source();
    mount.set(volume({ proven: revisionOf('one', rules(5)) }));
    await from.keep(complete(await wanted(from)));
    writeFileSync(join(state, 'last-verified', kept()[0] ?? ''), 'damaged');
    mount.set({});
    expect(await any(await source())).toEqual({ status: 'incomplete', reason: 'there is no manifest yet' });
  });

  test('survives an end in the middle of writing', async () => {
    const from = await source();
    mount.set(volume({ proven: revisionOf('one', rules(5)) }));
    await from.keep(complete(await wanted(from)));
    writeFileSync(join(state, 'last-verified', `${MANIFEST_FILE}.new`), '{"format":1,"rev');
    mount.set({});
    expect(complete(await any(await source())).config.revision).toBe('one');
    expect(kept()).not.toContain(`${MANIFEST_FILE}.new`);
  });

  test('that cannot be written keeps nothing from running', async () => {
    const file = join(state, 'file');
    writeFileSync(file, '');
    mount.set(volume({ proven: revisionOf('one', rules(5)) }));
    const from = await source(file);
    const set = complete(await any(from));
    await from.keep(set);
    expect(set.config.revision).toBe('one');
    expect(problems.length).toBeGreaterThan(0);
  });
});
