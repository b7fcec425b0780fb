/** metrics-server before a cluster's kubelets: what `kubectl top` and a HorizontalPodAutoscaler read. */

import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildProgram } from '../build.ts';
import { writeKubeconfig } from '../authority.ts';
import { startDaemon, until } from '../daemon.ts';
import type { Cluster } from './cluster.ts';

/** It runs beside the control plane; the API server reaches it as any extension server, through a Service and its endpoint. */
const PORT = 4443;
const NAME = 'metrics-server';
const NAMESPACE = 'kube-system';

export interface MetricsServer {
  stop(): Promise<void>;
}

/** Resolves when metrics of the nodes are answered. */
export async function startMetricsServer({ controlPlane, address }: Cluster): Promise<MetricsServer> {
  const program = await buildProgram('metrics-server');
  const { folder, authority, server } = controlPlane;
  // As the administrator: its own rights are not what a test of autoscaling is about.
  const credentials = await authority.issue(NAME, '/O=system:masters/CN=metrics-server', [
    address,
    `${NAME}.${NAMESPACE}.svc`,
  ]);
  const place = { server, ca: authority.certificate };
  const kubeconfig = writeKubeconfig(join(folder, `${NAME}.kubeconfig`), { ...place, credentials });
  const kubeconfigs = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'];
  const daemon = startDaemon(
    program,
    [
      ...kubeconfigs.flatMap((flag) => [`--${flag}`, kubeconfig]),
      ...['--secure-port', String(PORT), '--bind-address', address],
      ...['--tls-cert-file', credentials.certificateFile, '--tls-private-key-file', credentials.keyFile],
      ...[
        '--kubelet-certificate-authority',
        authority.certificateFile,
        '--kubelet-preferred-address-types',
        'InternalIP',
      ],
      ...['--kubelet-client-certificate', credentials.certificateFile, '--kubelet-client-key', credentials.keyFile],
      // The shortest it takes; autoscaling acts on what it saw last.
      ...['--metric-resolution', '10s', '--kubelet-request-timeout', '5s'],
    ],
    { log: join(folder, 'log', `${NAME}.log`) },
  );
  await controlPlane.apply(objects(address, authority.certificate));
  const isAnswered = async () => {
    if (daemon.ended()) throw new Error(`metrics-server ended: ${daemon.log()}`);
    const { status, body } = await controlPlane.ask('/apis/metrics.k8s.io/v1beta1/nodes');
    return status === 200 && (body as { items: unknown[] }).items.length > 0;
  };
  await until('metrics of nodes are answered', isAnswered, { seconds: 90, every: 500, detail: () => daemon.log() });
  return { stop: () => daemon.kill() };
}

function objects(address: string, authority: string): string {
  const metadata = { name: NAME, namespace: NAMESPACE };
  const port = { name: 'https', port: 443, targetPort: PORT, protocol: 'TCP' };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [port] } },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': NAME } },
      ports: [{ name: 'https', port: PORT, protocol: 'TCP' }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
    {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' },
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        service: { name: NAME, namespace: NAMESPACE },
        ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
        caBundle: Buffer.from(authority).toString('base64'),
      },
    },
  ]
    .map((object) => stringify(object))
    .join('---\n');
}
