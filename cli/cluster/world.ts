/** What `isthmus explain` plays a message in, from a cluster: its resources, files over them, or what its pods run now. */

import { MADE_UP_KEY } from '../explain-memory.ts';
import { listed } from '../../operator/compile/order.ts';
import { CommandLineError } from '../command-line.ts';
import { whatIsWaitedFor } from '../explain-held.ts';
import { standInForSecrets } from '../explain-stand-in.ts';
import { compiledWorld, type World } from '../explain-world.ts';
import { chooseFleet } from '../fleet-choice.ts';
import { compileContent } from './compile.ts';
import { type ClusterContent, readResources, withReferences } from './content.ts';
import { differing } from './difference.ts';
import { readGiven } from './given.ts';
import { readInForce } from './in-force.ts';
import { readMemory } from './memory.ts';
import type { ClusterChoice } from './options.ts';
import { inNamespace, layOver } from './overlay.ts';
import { type Cluster, inCluster } from './reach.ts';

export interface ClusterSource {
  readonly type: 'Cluster';
  readonly choice: ClusterChoice;
  /** What the pods run now, instead of what is made of the resources. */
  readonly running: boolean;
  /** Laid over the resources. */
  readonly files: readonly string[];
}

/** Of resources that the pods run otherwise. */
const MOST_NAMES = 10;

export function worldOfCluster(source: ClusterSource, fleet: string | undefined, now: Date): Promise<World> {
  return inCluster(source.choice, (cluster) =>
    source.running ? worldInForce(cluster, fleet) : worldOfResources(cluster, source, fleet, now),
  );
}

async function worldOfResources(
  { api, home }: Cluster,
  { files, choice }: ClusterSource,
  fleetName: string | undefined,
  now: Date,
): Promise<World> {
  const present = await readResources(api, [home]);
  const laid =
    files.length === 0 ? present : layOver(present, inNamespace(readGiven(files), home, choice.namespace)).manifests;
  const content = await withReferences(api, laid);
  const { state, remarks } = await readMemory(api, content);
  const { documents, names } = standInForSecrets(content.documents, (id) => content.unread.has(id));
  const told: ClusterContent = { ...content, documents };
  const compiled = compileContent(told, state, now);
  const world = compiledWorld(told, compiled, fleetName, `namespace ${home} has`);
  const running = state.running.find((one) => one.namespace === home && one.name === world.fleet)?.config;
  const others = running === undefined ? [] : differing(world.config, running);
  const what = files.length === 0 ? `the resources in namespace ${home}` : `the files over namespace ${home}`;
  return {
    ...world,
    madeUpSecrets: names,
    notes: [
      `Told from ${what}; --running tells what the pods run now.`,
      ...(others.length === 0 ? [] : [`The pods run otherwise: ${listed(others, MOST_NAMES)}.`]),
      ...names.map((secret) => `Secret ${secret} may not be read by you: told as if it held a good key.`),
      ...remarks.filter(({ severity }) => severity !== 'note').map(({ file, message }) => `${file}: ${message}.`),
    ],
  };
}

async function worldInForce({ api, home }: Cluster, fleetName: string | undefined): Promise<World> {
  const name = fleetName ?? (await onlyFleet({ api, home }));
  const inForce = await readInForce(api, home, name);
  switch (inForce.state) {
    case 'Nothing':
      throw new CommandLineError(
        `nothing runs in RelayFleet ${home}/${name}: no operator has published a configuration`,
        'leave --running out to ask what is made of the resources',
      );
    case 'Unreadable':
      throw new CommandLineError(
        `what runs in RelayFleet ${home}/${name} cannot be read: ${inForce.why}`,
        'leave --running out to ask what is made of the resources',
      );
    case 'Read': {
      const { running, credentials, candidate, tombstones, withoutSecrets } = inForce;
      const { config } = running;
      return {
        fleet: name,
        config,
        // Where the key may not be read, a made-up one shows where the trace field goes.
        credentials: new Map((config.fleet.traceKeys ?? []).map((id) => [id, credentials.get(id) ?? MADE_UP_KEY])),
        waitsFor: whatIsWaitedFor([], tombstones),
        madeUpSecrets: [],
        notes: [
          `Told from what RelayFleet ${name} runs now, revision ${config.revision}.`,
          ...(candidate === undefined ? [] : [`One of its pods tries revision ${candidate} just now.`]),
          ...(withoutSecrets ? ['You may not read its Secrets: rules whose tables are in Secrets are left out.'] : []),
        ],
      };
    }
  }
}

async function onlyFleet({ api, home }: Pick<Cluster, 'api' | 'home'>): Promise<string> {
  const { documents } = await readResources(api, [home]);
  const fleets = documents.filter(({ kind }) => kind === 'RelayFleet');
  return chooseFleet(fleets, undefined, `namespace ${home} has`).name;
}
