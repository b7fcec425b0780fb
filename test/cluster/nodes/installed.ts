/**
 * The chart on a cluster that has the images of this checkout, with the samples of two tenants and the mail systems that they name: those of both tenants and of the
 * internet are servers of this process, beside the nodes.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Place } from '../../../demo/act.ts';
import { type Authority, type Identity, makeAuthority } from '../../../demo/certificates.ts';
import { type Arrival, type MailSystem, startMailSystem } from '../../../demo/mail-system.ts';
import { TWO_TENANTS_PART } from '../../../demo/parts.ts';
import type { Stage } from '../../../demo/play.ts';
import { makeDkimKey, sendersOf } from '../../../demo/scenery.ts';
import { createVerifier } from '../../../demo/verifier.ts';
import { runOrThrow } from '../../support/child-process.ts';
import { ROOT } from '../../support/test-files.ts';
import { buildProgram } from '../build.ts';
import { TAG } from '../fleet/images.ts';
import type { Cluster } from './cluster.ts';
import { BRIDGE } from './network.ts';

export interface InstalledOptions {
  /** Default: mail. */
  readonly namespace?: string;
  /** Values of the chart. */
  readonly values?: Readonly<Record<string, unknown>>;
  onArrival?(arrival: Arrival): void;
}

export interface Installed {
  readonly namespace: string;
  /** Of the fleet's Service; port 25. */
  readonly address: string;
  /** Who writes to the relay and where mail arrives, as the demo's story wants it. */
  readonly stage: Stage;
  /** Runs helm with the administrator's rights in that namespace. */
  helm(args: readonly string[]): Promise<string>;
  /** Resolves when everything of the fleet runs in every ready pod; an error says what does not. */
  programmed(seconds?: number): Promise<void>;
  stop(): Promise<void>;
}

const VALUES = { image: { pullPolicy: 'Never', tag: TAG }, relayImage: { tag: TAG } };
const FLEET = 'default';
const SMTP_PORT = 25;
/** Mail systems by the zone of their host: each has an address and port 25 as in the world. */
const PLACES: readonly {
  readonly place: Place;
  readonly zone: string;
  readonly host: string;
  readonly address: string;
}[] = [
  { place: 'tenant1', zone: 'tenant1.example', host: 'mail', address: '10.98.255.101' },
  { place: 'tenant2', zone: 'tenant2.example', host: 'mail-a', address: '10.98.255.102' },
  { place: 'world', zone: 'world.example', host: 'mx', address: '10.98.255.103' },
];

export async function install(cluster: Cluster, options: InstalledOptions = {}): Promise<Installed> {
  const { controlPlane } = cluster;
  const namespace = options.namespace ?? 'mail';
  const authority = makeAuthority();
  const systems = await startMailSystems(cluster, authority, options.onArrival ?? (() => {}));
  const stop = async () => void (await Promise.all(Object.values(systems).map((system) => system.close())));
  try {
    const helm = await installChart(cluster, namespace, options.values);
    const [shared, world] = [makeDkimKey(), makeDkimKey()];
    const secrets = [
      secret('shared-dkim', { 'private.key': shared.privateKey }),
      secret('cluster-ca', { 'ca.crt': authority.certificate }),
    ];
    await controlPlane.apply([...secrets, ...manifests()].join('---\n'), '--namespace', namespace);
    const address = await cluster.loadBalancerAddress(namespace, `${FLEET}-relay`);
    const programmed = async (seconds = 120) => {
      const waiting = ['wait', '--for=condition=Programmed', '--all', 'isthmus', '--namespace', namespace];
      const { code, stderr } = await controlPlane.kubectl([...waiting, `--timeout=${seconds}s`]);
      if (code !== 0)
        throw new Error(`not programmed after ${seconds} s: ${stderr}${await whatIsWrong(cluster, namespace)}`);
    };
    const keys = { 'isthmus._domainkey.shared.example': shared.record, 'world._domainkey.world.example': world.record };
    const stage: Stage = {
      senders: sendersOf(TWO_TENANTS_PART, authority, { relayHost: address, relayPort: SMTP_PORT }),
      systems,
      verify: createVerifier(keys),
      worldKey: world.privateKey,
      addManifests: async (folder) => {
        const began = performance.now();
        await controlPlane.kubectlOrThrow(['apply', '--server-side', '-n', namespace, '-f', join(ROOT, folder)]);
        await programmed();
        return performance.now() - began;
      },
    };
    return { namespace, address, stage, helm, programmed, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** The chart with the images of this checkout, and nothing else; its CRDs are served. */
export async function installChart(
  cluster: Cluster,
  namespace: string,
  values: InstalledOptions['values'] = {},
): Promise<Installed['helm']> {
  const { controlPlane } = cluster;
  const helm = await helmOf(cluster, namespace);
  const file = join(controlPlane.folder, 'values.yaml');
  writeFileSync(file, stringify({ ...VALUES, ...values }));
  const chart = ['isthmus', join(ROOT, 'charts/isthmus'), '--create-namespace', '--values', file];
  await helm(['upgrade', '--install', ...chart]);
  await controlPlane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  return helm;
}

async function startMailSystems(cluster: Cluster, authority: Authority, onArrival: (arrival: Arrival) => void) {
  const systems: Partial<Record<Place, MailSystem>> = {};
  for (const { place, zone, host, address } of PLACES) {
    const site = TWO_TENANTS_PART.sites[place];
    if (site === undefined) throw new Error(`the story has no ${place}`);
    await runOrThrow('ip', ['address', 'replace', `${address}/24`, 'dev', BRIDGE]);
    cluster.setZone(zone, `@ MX 10 ${host}\n${host} A ${address}`);
    const identity: Identity = authority.issue(`${host}.${zone}`);
    const listen = { address, port: SMTP_PORT };
    systems[place] = await startMailSystem({ ...site, identity, listen, onArrival });
  }
  return systems;
}

async function helmOf({ controlPlane }: Cluster, namespace: string): Promise<Installed['helm']> {
  const program = await buildProgram('helm');
  const { folder, kubeconfig } = controlPlane;
  const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  return (args) => runOrThrow(program, [...args, '--kubeconfig', kubeconfig, '--namespace', namespace], { env });
}

const secret = (name: string, stringData: Readonly<Record<string, string>>): string =>
  stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** The samples, in which what the overlay has under the same name is replaced. */
function manifests(): string[] {
  const chosen = new Map<string, Manifest>();
  for (const folder of ['deploy/samples/two-tenants', 'test/cluster/overlay']) {
    const files = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.yaml'));
    for (const file of files) {
      for (const document of parseAllDocuments(readFileSync(join(ROOT, folder, file), 'utf8'))) {
        const manifest = (document as { toJS(): Manifest }).toJS();
        chosen.set(`${manifest.kind} ${manifest.metadata.name}`, manifest);
      }
    }
  }
  return [...chosen.values()].map((manifest) => stringify(manifest));
}

async function whatIsWrong({ controlPlane }: Cluster, namespace: string): Promise<string> {
  const looks = [
    ['get', 'isthmus', '-o', 'wide'],
    ['get', 'pods', '-o', 'wide'],
    ['logs', '--selector', 'app.kubernetes.io/name=isthmus', '--all-containers', '--prefix', '--tail=15'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
  ];
  const seen = await Promise.all(looks.map((args) => controlPlane.kubectl([...args, '--namespace', namespace])));
  return seen.map(({ stdout, stderr }) => `\n${stdout}${stderr}`).join('');
}
