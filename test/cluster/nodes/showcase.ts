/** What `npm run cluster` runs inside its namespaces: starts the cluster, installs Isthmus, sends a first mail, and stays. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Identity } from '../../../demo/certificates.ts';
import { formatArrival } from '../../../demo/keep.ts';
import { buildProgram } from '../build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Installed, install } from './installed.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

/** The number by which processes outside know the namespaces; test/cluster/launch.ts writes it to our standard input. */
async function numberOutside(): Promise<string> {
  const [line] = (await once(createInterface(process.stdin), 'line')) as [string];
  return line;
}

async function sendFirstMail({ client }: Cluster, address: string): Promise<void> {
  const args = ['--server', address, '--tls', '--from', 'anna@world.example', '--to', 'john.smith@shared.example'];
  const { code, stdout, stderr } = await client.run('swaks', [...args, '--header', 'Subject: The first mail']);
  if (code !== 0) throw new Error(`the first mail was not taken:\n${stdout}${stderr}`);
}

/** What a person needs to be John's mail system, in one PEM file. */
function handOut({ certificate, key }: Identity, folder: string): string {
  const file = join(folder, 'tenant1.pem');
  writeFileSync(file, certificate + key, { mode: 0o600 });
  return file;
}

async function advice(cluster: Cluster, installed: Installed, folder: string, outside: string): Promise<string> {
  // The network alone: with the mounts a path that is relative to the user's folder would lead nowhere.
  const enter = `nsenter --target ${outside} --net`;
  const kubectl = `${enter} ${await buildProgram('kubectl')} --kubeconfig ${cluster.controlPlane.kubeconfig}`;
  const identity = installed.stage.senders.tenant1?.identity;
  const pem = identity === undefined ? '' : handOut(identity, folder);
  const swaks = `${enter} swaks --server ${installed.address} --tls`;
  return `
The cluster stays up until you press Ctrl-C; mail that arrives is shown here. In another terminal, as root:

  kubectl:
    alias k='${kubectl} --cache-dir ${join(folder, 'kubectl-cache')} --namespace ${installed.namespace}'
    k get isthmus,pods -o wide

  The world writes to Mary:
    ${swaks} --from anna@world.example --to mary.jones@shared.example

  John writes out; his mail system is known by its certificate:
    ${swaks} --tls-cert ${pem} --tls-key ${pem} --from john.smith@tenant1.example --to anna@world.example

  Change a rule and see it live in every pod:
    k edit rewriterule john

  A shell in the cluster's network: ${enter} bash
  The nodes' logs: ${join(cluster.controlPlane.folder, 'log')}
`;
}

async function show(folder: string, images: readonly string[], ended: AbortSignal): Promise<void> {
  const outside = await numberOutside();
  say('starting two nodes …');
  const cluster = await startCluster({ images });
  let installed: Installed | undefined;
  try {
    if (ended.aborted) return;
    say('installing the chart and the samples …');
    installed = await install(cluster, { onArrival: (arrival) => say(formatArrival(arrival)) });
    await installed.programmed();
    const { controlPlane } = cluster;
    const rolledOut = ['wait', 'rfleet', 'default', '--for=condition=RolledOut', '--timeout=120s'];
    await controlPlane.kubectlOrThrow([...rolledOut, '--namespace', installed.namespace]);
    say(await controlPlane.kubectlOrThrow(['get', 'isthmus', '--namespace', 'mail']));
    await sendFirstMail(cluster, installed.address);
    say(await advice(cluster, installed, folder, outside));
    if (!ended.aborted) await once(ended, 'abort');
    say('taking everything down …');
  } finally {
    // The pods first: mail systems wait for connections that relays keep.
    await cluster.stop();
    await installed?.stop();
  }
}

const end = new AbortController();
// The first process of a namespace gets no signal that it does not ask for.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort());
const [folder = '', ...images] = process.argv.slice(2);
await show(folder, images, end.signal);
