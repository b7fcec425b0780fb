/** Prometheus itself says when each alert fires; every alert has its runbook, every metric its documentation. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { promtool } from '../support/promtool.ts';
import { ROOT } from '../support/test-files.ts';
import { documentedMetrics, metricsOf } from './metric-names.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface Case {
  readonly alert: string;
  readonly at: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fires: Readonly<Record<string, string | number>>;
  readonly silent: Readonly<Record<string, string | number>>;
}

const RULES = join(ROOT, 'charts/isthmus/files/alerts.yaml');
const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap((group) => group.rules);
const cases = parse(readFileSync(join(ROOT, 'test/charts/alerts.yaml'), 'utf8')) as Case[];
const runbooks = readFileSync(join(ROOT, 'docs/runbooks.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'isthmus-alerts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const expanded = (text: string, labels: Readonly<Record<string, string>>) =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? `no label ${name}`);

function promtoolTests({ alert, at, labels, fires, silent }: Case): unknown[] {
  const rule = alerts.find((one) => one.alert === alert);
  const annotations = Object.entries(rule?.annotations ?? {}).map(([key, text]) => [key, expanded(text, labels)]);
  const expected = {
    exp_labels: { ...labels, severity: rule?.labels.severity },
    exp_annotations: Object.fromEntries(annotations) as unknown,
  };
  const play = (series: Case['fires'], exp_alerts: unknown[]) => ({
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values: String(values) })),
    alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts }],
  });
  return [play(fires, [expected]), play(silent, [])];
}

describe('alerts', () => {
  it('have a test each', () => {
    expect(cases.map((one) => one.alert).sort()).toEqual(alerts.map((one) => one.alert).sort());
  });

  it.each(cases)('$alert fires when it should and only then', async (one) => {
    const file = join(folder, `${one.alert}.yaml`);
    writeFileSync(file, stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: promtoolTests(one) }));
    const { code, stdout, stderr } = await promtool(['test', 'rules', file]);
    expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
  });

  it.each(alerts)(
    '$alert has a severity, a summary, a description, and names no label that it does not have',
    (rule) => {
      expect(['critical', 'warning']).toContain(rule.labels.severity);
      const labels = cases.find((one) => one.alert === rule.alert)?.labels ?? {};
      for (const name of ['summary', 'description']) {
        expect(rule.annotations[name]).toBeTruthy();
        expect(expanded(rule.annotations[name] ?? '', labels)).not.toContain('no label');
      }
    },
  );

  it.each(alerts)(
    '$alert has a runbook that says what it means, what to look at and what to do',
    ({ alert, labels }) => {
      const section = new RegExp(`^## ${alert}\n([^]*?)(?=^## |(?![^]))`, 'm').exec(runbooks)?.[1];
      expect(section).toContain(`**Severity**: ${labels.severity}`);
      for (const part of ['**What it means**', '**Look at**', '**Do**']) expect(section).toContain(part);
    },
  );

  it('runbooks are about alerts that there are', () => {
    const sections = [...runbooks.matchAll(/^## (Isthmus\w+)$/gm)].map((match) => match[1] ?? '');
    expect(sections.sort()).toEqual(alerts.map((one) => one.alert).sort());
  });

  it.each(alerts)('$alert asks only for metrics that are documented', ({ expr }) => {
    const documented = documentedMetrics();
    const asked = metricsOf(expr);
    expect(asked.length).toBeGreaterThan(0);
    for (const metric of asked) expect(documented).toContain(metric);
  });
});
