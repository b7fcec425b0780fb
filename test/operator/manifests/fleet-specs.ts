/** RelayFleet specs at random, as users write them: every field that shapes an object, set or left out. */

import fc from 'fast-check';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const labels = fc.dictionary(word, word, { maxKeys: 3 });
// Requests below limits, or the API server refuses the pods.
const requests = fc.record({ cpu: fc.constantFrom('0.5', '500m', 1), memory: fc.constantFrom('1Gi', '512Mi') });
const limits = fc.record({ cpu: fc.constantFrom('2', 3), memory: fc.constantFrom('2Gi', '3000M') });

const podFields = {
  image: word,
  imagePullSecrets: fc.uniqueArray(word, { maxLength: 2 }).map((names) => names.map((name) => ({ name }))),
  resources: fc.record({ requests, limits }, { requiredKeys: [] }),
  nodeSelector: labels,
  tolerations: fc.array(fc.record({ key: word, operator: fc.constant('Exists') }), { maxLength: 2 }),
  affinity: fc.constant({ nodeAffinity: {} }),
  priorityClassName: word,
  podAnnotations: labels,
  podLabels: labels,
};

const loadBalancerOnly = {
  loadBalancerClass: fc.constant('cloud.example/tcp'),
  loadBalancerSourceRanges: fc.constant(['198.51.100.0/24']),
  allocateLoadBalancerNodePorts: fc.boolean(),
};
const anyService = {
  port: fc.integer({ min: 1, max: 65535 }),
  annotations: labels,
  labels,
  externalTrafficPolicy: fc.constantFrom('Local', 'Cluster'),
  ipFamilyPolicy: fc.constantFrom('PreferDualStack', 'SingleStack', 'RequireDualStack'),
  ipFamilies: fc.constantFrom(['IPv4'], ['IPv6']),
  deletionPolicy: fc.constantFrom('Retain', 'Delete'),
};
const service = fc.oneof(
  fc.record({ ...anyService, ...loadBalancerOnly }, { requiredKeys: [] }),
  fc.record({ ...anyService, type: fc.constantFrom('NodePort', 'ClusterIP') }, { requiredKeys: ['type'] }),
);

const outbound = fc.oneof(
  fc.record({ dnsServers: fc.constantFrom(['192.0.2.53'], ['2001:db8::53', '192.0.2.54']) }, { requiredKeys: [] }),
  fc.constant({ route: 'SmartHost', smartHost: { hosts: [{ host: 'smart.example' }] } }),
);

const size = fc.oneof(
  fc.record({ replicas: fc.integer({ min: 0, max: 500 }) }, { requiredKeys: [] }),
  fc.record({
    autoscaling: fc.record(
      {
        minReplicas: fc.integer({ min: 1, max: 5 }),
        maxReplicas: fc.integer({ min: 5, max: 500 }),
        targetCPUUtilizationPercentage: fc.integer({ min: 1, max: 1000 }),
        targetConnectionsPerPod: fc.integer({ min: 1, max: 100000 }),
      },
      { requiredKeys: ['maxReplicas'] },
    ),
  }),
);

const rest = fc.record(
  {
    ...podFields,
    service,
    outbound,
    tls: fc.record({ secretRef: fc.record({ name: word }) }),
    lameDuckSeconds: fc.integer({ min: 0, max: 600 }),
    drainSeconds: fc.integer({ min: 0, max: 3600 }),
  },
  { requiredKeys: [] },
);

export const fleetSpecs: fc.Arbitrary<Record<string, unknown>> = fc
  .tuple(rest, size)
  .map(([fields, number]) => ({ ...fields, ...number }));
