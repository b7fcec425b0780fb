/** One node: a machine of its own as far as a kernel can give one, with containerd, kubelet and kube-proxy on it. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOrThrow } from '../../support/child-process.ts';
import { type Authority, writeKubeconfig } from '../authority.ts';
import { type Daemon, startDaemon, until } from '../daemon.ts';
import type { ControlGroups } from './control-groups.ts';
import { cutOff, nodeAddress, openNamespace, plugIn, podRange, ROUTER } from './network.ts';
import { containerdSettings, kubeletSettings, type NodeFacts, podNetwork, socketOf } from './node-settings.ts';

export interface MachineOptions {
  /** From 1. */
  readonly number: number;
  /** Of the cluster. */
  readonly folder: string;
  readonly server: string;
  readonly authority: Authority;
  readonly controlGroups: ControlGroups;
  readonly programs: { readonly kubelet: string; readonly 'kube-proxy': string };
  /** Paths of image archives that it has from the beginning. */
  readonly images: readonly string[];
}

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Put before a command that shall run on the node. */
  readonly inside: readonly string[];
  load(image: string): Promise<void>;
  /** The power fails: nothing more is heard of it, and every process on it is gone. */
  kill(): Promise<void>;
}

/** Places outside the node's folder that containerd, the CNI plugins and kubelet write to: gone with the node's mounts. */
const OWN_PLACES = ['/run', '/var/log', '/var/lib/cni'];

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { number, authority, server } = options;
  const name = `node${number}`;
  const folder = join(options.folder, name);
  for (const each of ['cni', 'containerd', 'kubelet', 'log']) mkdirSync(join(folder, each), { recursive: true });
  const log = (what: string) => join(options.folder, 'log', `${name}-${what}.log`);
  const namespace = await openNamespace('machine', log('machine'));
  await plugIn(number, namespace);
  await mountOwnPlaces(namespace.inside);
  const address = nodeAddress(number);
  const [kubelet, proxy] = await Promise.all([
    authority.issue(name, `/O=system:nodes/CN=system:node:${name}`, [name, address]),
    authority.issue(`${name}-proxy`, '/CN=system:kube-proxy'),
  ]);
  const facts: NodeFacts = {
    ...{ name, folder, podRange: podRange(number), dns: ROUTER },
    ...{ controlGroup: options.controlGroups.make(name), clientAuthority: authority.certificateFile, ...kubelet },
  };
  const text = (file: string, content: string) => {
    const path = join(folder, file);
    writeFileSync(path, content);
    return path;
  };
  text('resolv.conf', `nameserver ${ROUTER}\n`);
  text('cni/10-pods.conflist', podNetwork(facts));
  const start = (program: string, what: string, args: readonly string[]): Daemon =>
    startDaemon(program, args, { log: log(what), inside: namespace.inside });
  const place = { server, ca: authority.certificate };
  start('containerd', 'containerd', ['--config', text('containerd.toml', containerdSettings(folder))]);
  await until(
    `containerd of ${name} answers`,
    async () => (await run('ctr', ['-a', socketOf(folder), 'version'])).code === 0,
  );
  const load = (image: string) =>
    runOrThrow('ctr', ['-a', socketOf(folder), '-n', 'k8s.io', 'images', 'import', image]);
  for (const image of options.images) await load(image);
  start(options.programs.kubelet, 'kubelet', [
    ...['--config', text('kubelet.yaml', kubeletSettings(facts))],
    ...['--kubeconfig', writeKubeconfig(join(folder, 'kubelet.kubeconfig'), { ...place, credentials: kubelet })],
    ...['--hostname-override', name, '--node-ip', address],
    ...['--root-dir', join(folder, 'kubelet'), '--cert-dir', join(folder, 'kubelet/pki')],
  ]);
  start(options.programs['kube-proxy'], 'kube-proxy', [
    ...['--kubeconfig', writeKubeconfig(join(folder, 'proxy.kubeconfig'), { ...place, credentials: proxy })],
    ...['--hostname-override', name, '--proxy-mode', 'iptables'],
    // Limits of the whole machine's connection table, which a namespace may not set.
    ...['--conntrack-max-per-core', '0', '--conntrack-tcp-timeout-established', '0s'],
    ...['--conntrack-tcp-timeout-close-wait', '0s'],
  ]);
  return {
    ...{ name, address, inside: namespace.inside },
    load: async (image) => void (await load(image)),
    kill: async () => {
      if (namespace.daemon.ended()) return;
      await cutOff(number);
      await namespace.daemon.kill();
    },
  };
}

async function mountOwnPlaces(inside: readonly string[]): Promise<void> {
  const lines = OWN_PLACES.map((place) => `mkdir -p ${place}; mount -t tmpfs tmpfs ${place}`);
  const [command, ...args] = [...inside, 'sh', '-ec', lines.join('\n')];
  await runOrThrow(command, args);
}
