/** docs/operator.md explains every condition, reason and metric that there is, and none that is not. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONDITION_TYPES, REASONS } from '../../crds/v1alpha1/conditions.ts';
import { operatorMetrics } from '../../operator/metrics.ts';
import { ROOT } from '../support/test-files.ts';

const page = readFileSync(join(ROOT, 'docs/operator.md'), 'utf8');

function table(head: string): string[][] {
  const [, rest = ''] = page.split(`| ${head} |`);
  const lines = rest.split('\n').slice(2);
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
  return rows.map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')));
}

/** Of every process; docs/metrics.md says so for relays, and the page for the operator. */
const OF_THE_PROCESS = /^(process|nodejs)_/;

describe('docs/operator.md', () => {
  it('explains every condition, and on which kinds it is', () => {
    const everywhere = Object.values(CONDITION_TYPES).reduce<readonly string[]>(
      (common, types) => common.filter((type) => (types as readonly string[]).includes(type)),
      CONDITION_TYPES.RelayFleet,
    );
    const explained = table('condition | on | meaning').map(([, type = '', on = '']) => [type, on.split(',')[0]]);
    expect(explained.filter(([, on]) => on === 'every kind').map(([type]) => type)).toEqual(everywhere);
    const others = Object.entries(CONDITION_TYPES).flatMap(([kind, types]) =>
      types.filter((type) => !everywhere.includes(type)).map((type) => [type, kind]),
    );
    for (const [type = '', kind = ''] of others) {
      const row = table('condition | on | meaning').find((cells) => cells[1] === type);
      expect(row?.[2]?.split(', ')).toContain(kind);
    }
    expect(new Set(explained.map(([type]) => type))).toEqual(new Set(Object.values(CONDITION_TYPES).flat()));
  });

  it('explains every reason of every condition', () => {
    const explained = table('condition | reason | meaning, and what to do').map(
      ([, type, reason]) => `${type} ${reason}`,
    );
    const wanted = Object.entries(REASONS).flatMap(([type, reasons]) => reasons.map((reason) => `${type} ${reason}`));
    expect(explained.sort()).toEqual(wanted.sort());
  });

  it('names every metric of the operator with its type and labels', async () => {
    const metrics = await operatorMetrics().registry.getMetricsAsJSON();
    const own = metrics.filter(({ name }) => !OF_THE_PROCESS.test(name)).map(({ name, type }) => `${name} ${type}`);
    const explained = table('name | type | labels | meaning').map(([, name, type]) => `${name} ${type}`);
    expect(own.length).toBeGreaterThan(10);
    expect(explained.sort()).toEqual(own.sort());
  });
});
