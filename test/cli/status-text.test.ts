/**
 * What `isthmus status` shows: each file of test/cases/status is a command line and the objects of a cluster, and the .txt
 * beside it what is printed.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Reason, REASONS } from '../../crds/v1alpha1/conditions.ts';
import { adviceFor } from '../../cli/status-advice.ts';
import { storyOf } from '../../cli/status-story.ts';
import { statusText } from '../../cli/status-text.ts';
import type { KubeObject } from '../../operator/kube/api.ts';

const CASES = new URL('../cases/status/', import.meta.url);
const DOCUMENTATION = new URL('../../docs/kubectl.md', import.meta.url);
const NOW = Date.parse('2026-11-22T09:00:00Z');
/** UPDATE=1 writes the outputs: read every line of the difference before it is kept. */
const update = process.env.UPDATE === '1';

const files = readdirSync(CASES).filter((file) => file.endsWith('.yaml'));

/** Of the first line: `# status -n mail -o wide`. */
function optionsOf(text: string) {
  const [line = ''] = text.split('\n');
  return { namespace: / -n (\S+)/.exec(line)?.[1], wide: line.includes('-o wide') };
}

function objectsOf(text: string): KubeObject[] {
  return parse(text) as KubeObject[];
}

function rule(number: number): KubeObject {
  const conditions = [
    { type: 'Ready', status: number === 40 ? 'False' : 'True', reason: 'NotFound', message: 'Gone.' },
  ];
  return {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'RewriteRule',
    metadata: { namespace: 'mail', name: `rule-${number}`, generation: 1 },
    status: { observedGeneration: 1, entries: number, conditions },
  };
}

const show = (objects: readonly KubeObject[], wide = false) =>
  stripVTControlCharacters(statusText(storyOf(objects, 'mail', []), { wide, now: NOW }));

describe('isthmus status', () => {
  it.each(files)('shows %s', (file) => {
    const text = readFileSync(new URL(file, CASES), 'utf8');
    const { namespace, wide } = optionsOf(text);
    const story = storyOf(objectsOf(text), namespace, []);
    const shown = stripVTControlCharacters(statusText(story, { wide, now: NOW }));
    const actual = `${shown}exit code ${story.ready ? 0 : 1}\n`;
    const place = new URL(file.replace('.yaml', '.txt'), CASES);
    if (update) writeFileSync(fileURLToPath(place), actual);
    expect(actual).toBe(readFileSync(place, 'utf8'));
  });

  it('is shown in the documentation as it is', () => {
    const [shown] = readFileSync(new URL('missing-secret.txt', CASES), 'utf8').split('exit code');
    expect(readFileSync(DOCUMENTATION, 'utf8')).toContain(`$ kubectl isthmus status -n mail\n${shown}\`\`\``);
  });

  it('shows twenty of a kind, those that are not ready first, and all with -o wide', () => {
    const rules = Array.from({ length: 50 }, (_, index) => rule(index + 10));
    const text = show(rules);
    expect(text).toMatch(/^ {2}… rule-40 /m);
    expect(text.split('\n').filter((line) => line.startsWith('  ✓ '))).toHaveLength(19);
    expect(text).toContain('… and 30 more: -o wide shows all');
    expect(show(rules, true)).toContain('  ✓ rule-59 ');
  });

  it('says the same cause once', () => {
    const rules = Array.from({ length: 30 }, (_, index) => ({
      ...rule(index + 10),
      status: { observedGeneration: -1 },
    }));
    const text = show(rules);
    expect(text.match(/No operator has looked at it/g)).toHaveLength(1);
    expect(text).toMatch(/RewriteRule rule-17 and 22 more: Unobserved$/m);
  });

  it('names a kind that may not be read, and is not content then', () => {
    const objects = objectsOf(readFileSync(new URL('ready.yaml', CASES), 'utf8'));
    const story = storyOf(objects, 'mail', [{ kind: 'TenantRoute', message: 'you may not list tenantroutes' }]);
    const text = stripVTControlCharacters(statusText(story, { wide: false, now: NOW }));
    expect(text).toContain('✗ Tenant routes are not shown\n    you may not list tenantroutes\n');
    expect(story.ready).toBe(false);
  });

  it.each([...new Set(Object.values(REASONS).flat())])('says what to do about %s', (reason: Reason) => {
    expect(adviceFor(reason, { namespace: 'mail', fleet: 'default' })).toMatch(/\w+ \w+/);
    expect(adviceFor(reason, { namespace: 'mail', fleet: undefined })).not.toContain('undefined');
  });
});
