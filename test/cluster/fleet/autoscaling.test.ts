/** A fleet whose number of pods is chosen by Kubernetes, from what metrics-server says its pods use. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../daemon.ts';
import { metricsServerImage, startMetricsServer } from './metrics-server.ts';
import { noticed } from './under-load.ts';
import { told } from './load.ts';
import { NAMESPACE, startWorld, type World } from './world.ts';

const LEAST = 2;
const MOST = 4;
/** Between metrics, decisions and pods that start and end lies up to a minute on a busy machine. */
const PATIENCE = { seconds: 150, every: 1000 };

const folder = mkdtempSync(join(tmpdir(), 'isthmus-metrics-'));
let world: World;

beforeAll(async () => {
  world = await startWorld({
    images: [await metricsServerImage(folder)],
    // Kubernetes looks every 15 s, believes a young pod's use after 5 minutes and removes pods after 5 more.
    controllerManager: [
      ...[
        '--horizontal-pod-autoscaler-sync-period',
        '5s',
        '--horizontal-pod-autoscaler-cpu-initialization-period',
        '5s',
      ],
      ...['--horizontal-pod-autoscaler-downscale-stabilization', '10s'],
    ],
    replicas: LEAST,
    fleet: {
      replicas: undefined,
      autoscaling: { minReplicas: LEAST, maxReplicas: MOST, targetCPUUtilizationPercentage: 50 },
      resources: { requests: { cpu: '100m', memory: '96Mi' } },
    },
  });
  await startMetricsServer(world.cluster, NAMESPACE);
}, 300_000);

afterAll(async () => {
  await world.stop();
  rmSync(folder, { recursive: true, force: true });
});

const replicas = async () => (await world.pods()).filter(({ ready }) => ready).length;

test('much mail makes it grow, little lets it shrink, and no connection is refused or cut', async () => {
  const much = await world.load({ rate: 0, lanes: 4 });
  await until('there are as many pods as there may be', async () => (await replicas()) === MOST, PATIENCE);
  const grown = await much.end();
  const little = await world.load({ rate: 3 });
  await until('there are as few pods as there may be', async () => (await replicas()) === LEAST, PATIENCE);
  await world.settled(LEAST);
  const shrunk = await little.end();
  process.stdout.write(`${told('grown by CPU', grown)}\n${told('shrunk by CPU', shrunk)}\n`);
  expect(noticed(grown)).toEqual([]);
  expect(noticed(shrunk)).toEqual([]);
});
