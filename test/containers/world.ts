/** The story's mail hosts, a container each: two tenants, the internet, and two relays behind HAProxy, all by testcontainers. */

import { chmodSync } from 'node:fs';
import { Network } from 'testcontainers';
import type { RelayConfig } from '../../relay/core/config.ts';
import { packed, PodFolders, tlsFiles, volume } from '../relay/pod-fixture.ts';
import { certificateFolder } from '../support/certificates.ts';
import { nextHop, relayConfig, tenantRoute } from '../support/relay-config.ts';
import { row, rule } from '../support/rewrite-rules.ts';
import { until } from '../cluster/daemon.ts';
import { startEngine } from './engine.ts';
import { makeMachineImage } from './machine-image.ts';
import { type MailSystem, startMailSystem } from './mail-system.ts';
import {
  type ContainedHaproxy,
  type ContainedRelay,
  loadRelayImage,
  startHaproxyContainer,
  startRelay,
} from './relays.ts';

const RELAY = 'relay.shared.example';

export interface World {
  readonly tenant1: MailSystem;
  readonly tenant2: MailSystem;
  readonly internet: MailSystem;
  readonly relays: readonly ContainedRelay[];
  readonly haproxy: ContainedHaproxy;
  /** With SIGKILL. */
  kill(relay: ContainedRelay | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when both relays run the story's configuration. */
export async function startWorld(): Promise<World> {
  const engine = await startEngine();
  const [image] = await Promise.all([loadRelayImage(engine), makeMachineImage(engine)]);
  const network = await new Network().start();
  const relayHost = { host: RELAY, port: 25 };
  const folders = await podFolders();
  const mounted = { config: folders.config.folder, tls: folders.tls.folder };
  const [tenant1, tenant2, internet, ...relays] = await Promise.all([
    startMailSystem(network, { hostname: 'mail.tenant1.example', mailboxes: ['john@tenant1.example'], relayHost }),
    startMailSystem(network, { hostname: 'mail.tenant2.example', mailboxes: ['mary@tenant2.example'], relayHost }),
    startMailSystem(network, { hostname: 'mx.world.example', mailboxes: ['bob@world.example'], relayHost }),
    startRelay(network, image, 'relay-1', mounted),
    startRelay(network, image, 'relay-2', mounted),
  ]);
  // It looks its servers up once: they must be there.
  const haproxy = await startHaproxyContainer(
    network,
    RELAY,
    relays.map(({ server }) => server),
  );
  const config = configuration({ tenant1: tenant1.address, tenant2: tenant2.address, balancer: haproxy.address });
  folders.config.set(volume({ proven: packed(config), wanted: config.revision }));
  for (const { isReady, output } of relays) {
    await until('a relay runs the configuration', isReady, { detail: output });
  }
  await until('HAProxy sends to both relays', haproxy.sendsToAll);
  return {
    tenant1,
    tenant2,
    internet,
    relays,
    haproxy,
    kill: async (relay) => void (await engine.docker('kill', relay?.container.getId() ?? '')),
    stop: async () => {
      const systems = [tenant1, tenant2, internet, haproxy, ...relays.map(({ container }) => container)];
      await Promise.all(systems.map((each) => each.stop()));
      await network.stop();
      await engine.stop();
      folders.remove();
    },
  };
}

/** Readable for the relay's user, as a kubelet's volumes are. */
async function podFolders(): Promise<PodFolders> {
  const folders = new PodFolders();
  for (const { folder } of [folders.config, folders.tls]) chmodSync(folder, 0o755);
  const certificates = certificateFolder();
  const authority = await certificates.authority('Test authority');
  folders.tls.set(tlsFiles(await authority.issue({ names: [RELAY] })));
  certificates.remove();
  return folders;
}

function configuration(at: { tenant1: string; tenant2: string; balancer: string }): RelayConfig {
  const system = (host: string) => nextHop({ hosts: [{ host, port: 25 }] });
  const only = (address: string) => `${address}/32`;
  const tenant = (name: 'tenant1' | 'tenant2') =>
    tenantRoute(name, {
      nextHop: system(`mail.${name}.example`),
      sources: [{ cidrs: [only(at[name])], tlsRequired: false }],
    });
  return {
    ...relayConfig({
      fleet: {
        hostname: RELAY,
        proxyProtocol: { mode: 'Required', trustedCIDRs: [only(at.balancer)] },
        outbound: { route: 'SmartHost', smartHost: system('mx.world.example'), dnsServers: [], egressCIDRs: [] },
      },
      tenantRoutes: [tenant('tenant1'), tenant('tenant2')],
      rewriteRules: [
        rule('john', { addresses: [['john@tenant1.example', 'john@shared.example', 'Both']] }),
        rule('mary', { tenantRoute: 'tenant2', domains: [row('tenant2.example')] }),
      ],
    }),
    revision: 'story',
  };
}
