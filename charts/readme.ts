/** The chart's README.md: a row for each "# --" comment of values.yaml. */

import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

const MARK = /^ *-- ?/m;

interface Row {
  readonly path: string;
  readonly value: unknown;
  readonly description: string;
}

/** The comment above a pair; yaml gives that of the first pair to the map around it. */
function commentOf(pair: Pair, index: number, map: YAMLMap): string {
  const above = isScalar(pair.key) ? pair.key.commentBefore : undefined;
  return above ?? (index === 0 ? (map.commentBefore ?? '') : '');
}

function rows(map: YAMLMap, path: string): Row[] {
  return map.items.flatMap((pair, index): Row[] => {
    const name = `${path}${String(isScalar(pair.key) ? pair.key.value : pair.key)}`;
    const comment = commentOf(pair, index, map);
    if (MARK.test(comment)) {
      const value = (pair.value as { toJSON(): unknown }).toJSON();
      return [{ path: name, value, description: comment.replace(MARK, '').trim() }];
    }
    return isMap(pair.value) ? rows(pair.value, `${name}.`) : [];
  });
}

const cell = (text: string) => text.replaceAll('|', String.raw`\|`);

export function readme(chartYaml: string, valuesYaml: string): string {
  const chart = parseDocument(chartYaml).toJS() as { description: string; version: string; kubeVersion: string };
  const { contents } = parseDocument(valuesYaml);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  const table = rows(contents as YAMLMap, '').map(
    ({ path, value, description }) => `| \`${path}\` | \`${cell(JSON.stringify(value))}\` | ${cell(description)} |`,
  );
  return `<!-- Made by "npm run generate" from values.yaml. Never edited by hand. -->

# Isthmus, version ${chart.version}

${chart.description} Needs Kubernetes ${chart.kubeVersion.replace(/^>=(.*)-0$/, '$1')} or newer, and Helm 3.14 or newer.

Nothing is published yet, neither images nor this chart. From a checkout:

\`\`\`
npm run image
helm install isthmus charts/isthmus --namespace mail --create-namespace
\`\`\`

\`npm run image\` makes both images and prints how to bring them to kind, k3s, containerd or your own registry. Everything else, with
upgrades and how to uninstall, is in [docs/install.md](../../docs/install.md); what the operator may do and why in
[docs/rbac.md](../../docs/rbac.md).

## Values

A value that is not in this table is refused (\`values.schema.json\`); \`defaultFleet.spec\` is checked against the schema of RelayFleet.

| value | default | meaning |
|---|---|---|
${table.join('\n')}
`;
}
