/** What helm makes of the chart: deploy/manifests/operator.yaml, and a snapshot for each file of test/charts/values. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CHART = 'charts/isthmus';
const VALUES = 'test/charts/values';
const RENDERED = 'test/charts/rendered';
const NAMESPACE = 'mail';

const HEADER = `# Rights, settings and the operator, as ${CHART} makes them by default; never edited by hand.
# install.yaml holds this and the CRDs.
`;

/** Lines that would claim the object for Helm. */
const OF_HELM = /^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by: Helm).*\n|^# Source: .*\n/gm;
/** A changed CRD changes none of these files: they can be made with helm only. */
const WITHOUT_CRDS = ['--set', 'crds.enabled=false'];

function template(helm: string, root: string, args: readonly string[]): string {
  const all = ['template', 'isthmus', join(root, CHART), '--namespace', NAMESPACE, ...args];
  return execFileSync(helm, all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Values files by name, without their ending. */
export function valuesFiles(root: string): string[] {
  return readdirSync(join(root, VALUES)).map((name) => name.replace(/\.yaml$/, ''));
}

export function renderValues(helm: string, root: string, name: string, args: readonly string[] = []): string {
  return template(helm, root, ['--values', join(root, VALUES, `${name}.yaml`), ...args]);
}

/** File, from the project's root → content. */
export function rendered(helm: string, root: string): Map<string, string> {
  const operator = template(helm, root, WITHOUT_CRDS)
    .replace(OF_HELM, '')
    .replace(/^---\n/, '');
  const snapshots = valuesFiles(root).map((name): [string, string] => [
    `${RENDERED}/${name}.yaml`,
    renderValues(helm, root, name, WITHOUT_CRDS),
  ]);
  return new Map([['deploy/manifests/operator.yaml', HEADER + operator], ...snapshots]);
}

function main([helm]: readonly string[]): number {
  if (helm === undefined) {
    process.stderr.write('usage: node setup.mjs charts/render.ts PATH-OF-HELM\n');
    return 2;
  }
  const root = dirname(import.meta.dirname);
  for (const [file, text] of rendered(helm, root)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    process.stdout.write(`${file}\n`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
