/** docs/alerts.md: every alert of the chart at a glance. */

import { parse } from 'yaml';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly description: string };
}

export function alertsPage(alertsYaml: string): string {
  const { groups } = parse(alertsYaml) as { groups: { name: string; rules: Alert[] }[] };
  const tables = groups.map(({ name, rules }) => {
    const rows = rules.map(({ alert, labels, annotations, ...rule }) => {
      const expression = rule.expr.replace(/\s+/g, ' ').replaceAll('|', String.raw`\|`);
      const link = `[${alert}](runbooks.md#${alert.toLowerCase()})`;
      const after = rule.for === '0m' ? 'at once' : rule.for;
      return `| ${link} | ${labels.severity} | ${after} | ${annotations.description} | \`${expression}\` |`;
    });
    const head = '| alert | severity | after | meaning | expression |\n|---|---|---|---|---|';
    return `## ${name}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return `<!-- Made by "npm run generate" from charts/isthmus/files/alerts.yaml. Never edited by hand. -->

# Alerts

\`helm upgrade --reuse-values --set prometheusRule.enabled=true\` installs them as a PrometheusRule; without the Prometheus operator, load
\`charts/isthmus/files/alerts.yaml\` as a rule file. Relay metrics need the labels \`namespace\` and \`isthmus_dev_fleet\` and the job
\`isthmus-relay\`, which the fleets' ServiceMonitors add; the operator's job is \`isthmus\` (\`serviceMonitor.enabled\`). Critical means that mail or
the operator stands still; warning that somebody should look within a day.

${tables.join('\n')}`;
}
