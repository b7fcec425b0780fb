/**
 * Writes what chart, deploy/argocd and docs/alerts.md take from elsewhere. With --check it writes nothing and fails
 * when a file is stale.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated as generatedCrds } from '../crds/generate.ts';
import { alertsPage } from './alerts-page.ts';
import { argocdFiles } from './argocd-files.ts';
import { dashboard } from './dashboard.ts';
import { readme } from './readme.ts';
import { valuesSchema } from './values-schema.ts';

const CHART = 'charts/isthmus';
/** Folders in which every file is made here: others are left from a kind that is gone. */
const OWN_FOLDERS = [`${CHART}/files/crds`];

const INSTALL_HEADER = `# Made by "npm run generate": Isthmus without Helm, in namespace mail. Never edited by hand.
#   kubectl create namespace mail
#   kubectl apply --server-side -f deploy/manifests/install.yaml
# Other names and settings: kustomization.yaml beside it, or the chart. docs/install.md says more.
`;

/** File, from the project's root → content. */
export function generated(root: string): Map<string, string> {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const crds = [...generatedCrds()]
    .filter(([file]) => file.startsWith('crds/generated/'))
    .map(([file, text]): [string, string] => [file.replace('crds/generated', `${CHART}/files/crds`), text]);
  return new Map([
    ...crds,
    ...argocdFiles(read('deploy/argocd/health.lua')),
    [`${CHART}/files/dashboard.json`, `${JSON.stringify(dashboard(), null, 2)}\n`],
    [
      'deploy/manifests/install.yaml',
      INSTALL_HEADER + [...crds.map(([, text]) => text), read('deploy/manifests/operator.yaml')].join('---\n'),
    ],
    ['docs/alerts.md', alertsPage(read(`${CHART}/files/alerts.yaml`))],
    [`${CHART}/values.schema.json`, `${JSON.stringify(valuesSchema(), null, 2)}\n`],
    [`${CHART}/README.md`, readme(read(`${CHART}/Chart.yaml`), read(`${CHART}/values.yaml`))],
  ]);
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Files, from the project's root, that are missing, differ, or are left over. */
export function staleFiles(root: string): string[] {
  const wanted = generated(root);
  const here = OWN_FOLDERS.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  const differs = [...wanted].filter(([file, text]) => contentOf(join(root, file)) !== text).map(([file]) => file);
  return [...differs, ...here.filter((file) => !wanted.has(file))];
}

function main(args: readonly string[]): number {
  const root = dirname(import.meta.dirname);
  const stale = staleFiles(root);
  if (args.includes('--check')) {
    for (const file of stale) process.stderr.write(`${file} is stale: run "npm run generate" and commit it\n`);
    return stale.length === 0 ? 0 : 1;
  }
  const wanted = generated(root);
  for (const file of stale) {
    const text = wanted.get(file);
    mkdirSync(dirname(join(root, file)), { recursive: true });
    if (text === undefined) rmSync(join(root, file));
    else writeFileSync(join(root, file), text);
    process.stdout.write(`${file} brought up to date\n`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
