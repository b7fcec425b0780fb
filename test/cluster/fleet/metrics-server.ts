/** metrics-server on a cluster, from its Go module, with the rights and the APIService that its own manifests give it. */

import { buildProgram } from '../build.ts';
import { until } from '../daemon.ts';
import type { Cluster } from '../nodes/cluster.ts';
import { staticImage } from '../nodes/pod-images.ts';
import { Eyes } from '../operator/seen.ts';

const NAMESPACE = 'kube-system';
const NAME = 'metrics-server';
const PORT = 10_250;
const API = 'v1beta1.metrics.k8s.io';
const AUTHORITY = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
const labels = { 'k8s-app': NAME };

/** The path of an archive for ClusterOptions.images. */
export async function metricsServerImage(folder: string): Promise<string> {
  return await staticImage(NAME, await buildProgram('metrics-server'), folder);
}

const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }];
const rbac = 'rbac.authorization.k8s.io';
const objectOf = (apiVersion: string, kind: string, name: string, rest: object) => ({
  ...{ apiVersion, kind, metadata: { name } },
  ...rest,
});
const bound = (kind: string, name: string, role: string, to: string) =>
  objectOf(`${rbac}/v1`, kind, name, { roleRef: { apiGroup: rbac, kind: role, name: to }, subjects });

const container = {
  ...{ name: NAME, image: `localhost/isthmus/${NAME}:1`, imagePullPolicy: 'Never' },
  args: [
    ...['--cert-dir=/tmp', `--secure-port=${PORT}`, '--kubelet-use-node-status-port'],
    // It takes 10 s at the least, and to wait for a kubelet shorter than that.
    ...['--kubelet-preferred-address-types=InternalIP', '--metric-resolution=10s', '--kubelet-request-timeout=5s'],
    `--kubelet-certificate-authority=${AUTHORITY}`,
  ],
  ports: [{ name: 'https', containerPort: PORT }],
  volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
};
const pod = { serviceAccountName: NAME, containers: [container], volumes: [{ name: 'tmp', emptyDir: {} }] };

const OBJECTS = [
  objectOf('v1', 'ServiceAccount', NAME, {}),
  objectOf(`${rbac}/v1`, 'ClusterRole', `system:${NAME}`, {
    rules: [
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
    ],
  }),
  bound('ClusterRoleBinding', `system:${NAME}`, 'ClusterRole', `system:${NAME}`),
  bound('ClusterRoleBinding', `${NAME}:auth`, 'ClusterRole', 'system:auth-delegator'),
  bound('RoleBinding', `${NAME}-reader`, 'Role', 'extension-apiserver-authentication-reader'),
  objectOf('v1', 'Service', NAME, { spec: { selector: labels, ports: [{ port: 443, targetPort: 'https' }] } }),
  objectOf('apps/v1', 'Deployment', NAME, {
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
  }),
  objectOf('apiregistration.k8s.io/v1', 'APIService', API, {
    spec: {
      ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
      ...{ insecureSkipTLSVerify: true, service: { name: NAME, namespace: NAMESPACE } },
    },
  }),
];

/** Resolves when it knows what the pods of `namespace` use. */
export async function startMetricsServer({ controlPlane }: Cluster, namespace: string): Promise<void> {
  await new Eyes(controlPlane, NAMESPACE).apply(...OBJECTS);
  let last = '';
  const isKnown = async () => {
    const { code, stdout, stderr } = await controlPlane.kubectl(['top', 'pods', '--namespace', namespace]);
    last = stdout + stderr;
    return code === 0 && stdout.includes('-relay-');
  };
  const detail = () => last;
  try {
    await until('metrics-server knows what relay pods use', isKnown, { seconds: 120, every: 1000, detail });
  } catch (cause) {
    const looks = [
      ['describe', 'pods'],
      ['logs', `deployment/${NAME}`, '--tail=20'],
      ['describe', 'apiservice', API],
    ];
    const seen = await Promise.all(looks.map((args) => controlPlane.kubectl([...args, '--namespace', NAMESPACE])));
    throw new Error(seen.map(({ stdout, stderr }) => stdout + stderr).join('\n'), { cause });
  }
}
