/** The dashboard shows only metrics that are documented, and every expression of it is PromQL. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { dashboard } from '../../charts/dashboard.ts';
import { promtool } from '../support/promtool.ts';
import { ROOT } from '../support/test-files.ts';
import { documentedMetrics, metricsOf } from './metric-names.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const { panels } = dashboard() as { panels: Panel[] };
const expressions = panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ title: panel.title, expr })));
/** What every process reports about itself, as docs/metrics.md says below its table. */
const OF_THE_PROCESS = /^isthmus_(process|nodejs)_/;

describe('dashboard', () => {
  it.each(expressions)('$title shows documented metrics', ({ expr }) => {
    const asked = metricsOf(expr);
    expect(asked.length).toBeGreaterThan(0);
    const undocumented = asked.filter((name) => !documentedMetrics().includes(name) && !OF_THE_PROCESS.test(name));
    expect(undocumented).toEqual([]);
  });

  it('is PromQL that Prometheus reads', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-dashboard-'));
    try {
      const rules = expressions.map(({ expr }, index) => ({
        record: `panel:${index}`,
        expr: expr.replaceAll('$__rate_interval', '5m'),
      }));
      writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
      const { code, stdout, stderr } = await promtool(['check', 'rules', join(folder, 'rules.yaml')]);
      expect({ code, said: stdout + stderr }).toMatchObject({ code: 0 });
      expect(stdout).toContain(`${expressions.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has panels that do not lie on each other, and different ids', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
  });

  it('is the file in the chart', () => {
    const file = readFileSync(join(ROOT, 'charts/isthmus/files/dashboard.json'), 'utf8');
    expect(JSON.parse(file)).toEqual(dashboard());
  });
});
