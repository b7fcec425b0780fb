import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { aggregateText, createMetrics } from '../../../relay/metrics/metrics.ts';

const DOCUMENTATION = fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url));
const documentation = readFileSync(DOCUMENTATION, 'utf8');

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
}
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
}

function labelsOf({ values, type }: Metric): string {
  const seen = new Map<string, Set<string>>();
  for (const { labels } of values) {
    for (const [name, value] of Object.entries(labels)) {
      if (type === 'histogram' && name === 'le') continue;
      seen.set(name, (seen.get(name) ?? new Set()).add(String(value)));
    }
  }
  return [...seen].map(([name, all]) => `${name}: ${[...all].join(', ')}`).join('; ');
}

// To write the table anew: npx vitest run test/relay/metrics --update
test('docs/metrics.md has one row for every metric, with its labels and meaning, and no other', async () => {
  const metrics = createMetrics();
  metrics.configApplied('…');
  const own = ((await metrics.snapshot()) as Metric[]).filter(({ name }) => !/^isthmus_(process|nodejs)_/.test(name));
  const rows = own.map((metric) => `| \`${metric.name}\` | ${metric.type} | ${labelsOf(metric)} | ${metric.help} |`);
  expect(rows.length).toBeGreaterThan(20);
  const others = documentation.split('\n').filter((line) => !line.startsWith('| `isthmus_'));
  const head = others.indexOf('|---|---|---|---|') + 1;
  expect(head).toBeGreaterThan(0);
  await expect(others.toSpliced(head, 0, ...rows).join('\n')).toMatchFileSnapshot(DOCUMENTATION);
});

test('every name begins with isthmus_', async () => {
  const text = await createMetrics().text();
  const names = text.split('\n').filter((line) => line.startsWith('# TYPE '));
  expect(names.filter((line) => !line.startsWith('# TYPE isthmus_'))).toEqual([]);
});

test('counts and levels are read when scraped, again and again', async () => {
  const metrics = createMetrics();
  metrics.connections.add();
  metrics.connections.add();
  metrics.connections.add(-1);
  metrics.messages.outbound.delivered.add();
  metrics.receivedBytes.add(4096);
  expect(await metrics.text()).toContain('\nisthmus_smtp_connections 1\n');
  metrics.messages.outbound.delivered.add();
  const text = await metrics.text();
  expect(text).toContain('\nisthmus_messages_total{direction="outbound",result="delivered"} 2\n');
  expect(text).toContain('\nisthmus_messages_total{direction="inbound",result="refused"} 0\n');
  expect(text).toContain('\nisthmus_received_bytes_total 4096\n');
});

test('only the configuration in force is named', async () => {
  const metrics = createMetrics();
  metrics.configApplied('one');
  metrics.configApplied('two');
  const text = await metrics.text();
  expect(text).toContain('isthmus_config_info{revision="two"} 1');
  expect(text).not.toContain('revision="one"');
});

test('several workers are summed, and a worker that is behind shows both revisions', async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.connections.add(2);
  two.connections.add(3);
  one.deliverySeconds.MX.observe(0.2);
  two.deliverySeconds.MX.observe(0.3);
  one.configApplied('a');
  two.configApplied('b');
  const snapshots = structuredClone(await Promise.all([one.snapshot(), two.snapshot()]));
  const text = await aggregateText(snapshots);
  expect(text).toContain('\nisthmus_smtp_connections 5\n');
  expect(text).toContain('\nisthmus_delivery_seconds_count{target="MX"} 2\n');
  expect(text).toContain('revision="a"} 1');
  expect(text).toContain('revision="b"} 1');
});
