/** The operator says by field what is wrong with its settings. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../operator/read-settings.ts';

describe('settings', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-settings-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (text: string) => {
    const file = join(folder, 'settings.yaml');
    writeFileSync(file, text);
    return readSettings(file);
  };

  it('need the relay’s image and have defaults for the rest', () => {
    const found = read('relayImage: localhost/isthmus/relay:1\n');
    expect(found).toMatchObject({
      ok: true,
      settings: {
        watchNamespaces: [],
        defaultFleet: { create: true, spec: {} },
        leaderElection: { leaseDurationSeconds: 15 },
      },
    });
    expect(read('')).toMatchObject({ ok: false, problems: [expect.stringContaining('settings.yaml: relayImage:')] });
  });

  it.each([
    ['an unknown field', 'relayImage: x\nwatchNamespace: [mail]\n', /watchNamespace/],
    [
      'a namespace that is none',
      'relayImage: x\nwatchNamespaces: ["Mail!"]\n',
      /watchNamespaces\.0: must be the name of a namespace/,
    ],
    ['a pattern without namespaces', 'relayImage: x\ndomains: [{match: a.example}]\n', /domains\.0\.namespaces/],
    ['broken YAML', 'relayImage: [x\n', /line 2/],
  ])('refuse %s', (_, text, problem) => {
    const found = read(text);
    expect(found.ok).toBe(false);
    expect(found.ok ? '' : found.problems.join('\n')).toMatch(problem);
  });

  it('that are not there are an error with the file’s name', () => {
    expect(readSettings(join(folder, 'nowhere.yaml'))).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('nowhere.yaml cannot be read')],
    });
  });
});
