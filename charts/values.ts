/** What the chart's values may be: anything else is refused by helm, with its path. */

import { z } from 'zod';

const text = z.string();
const labels = z.record(z.string(), z.string());
/** Kubernetes' own types, whose fields the API server checks. */
const foreign = z.record(z.string(), z.unknown());
const namespaceName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const cidr = z.string().regex(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/);
const quantity = z.union([z.string(), z.number()]);
const port = z.int().min(1).max(65535);

const image = {
  repository: z.string().min(1),
  tag: text,
  digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
};
const peers = z.array(z.strictObject({ namespaceLabels: labels.optional(), podLabels: labels.optional() }));
const toleration = z.strictObject({
  key: text.optional(),
  operator: z.enum(['Equal', 'Exists']).optional(),
  value: text.optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});
const quantities = z.record(z.string(), quantity);

export const chartValues = z.strictObject({
  /** What a chart above this one shares with all of its parts. */
  global: foreign.optional(),
  nameOverride: text,
  fullnameOverride: text,
  image: z.strictObject({
    ...image,
    pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']),
    pullSecrets: z.array(z.strictObject({ name: z.string().min(1) })),
  }),
  relayImage: z.strictObject(image),
  watchNamespaces: z.array(namespaceName),
  clusterWide: z.boolean(),
  domains: z.array(z.strictObject({ match: z.string().min(1), namespaces: z.array(namespaceName) })),
  /** The generator puts the RelayFleet's own schema here. */
  defaultFleet: z.strictObject({ create: z.boolean(), spec: foreign }),
  fleets: z.strictObject({
    networkPolicy: z.strictObject({ enabled: z.boolean(), metricsFrom: peers, nextHopPodPorts: z.array(port) }),
    serviceMonitor: z.strictObject({ enabled: z.boolean(), labels, intervalSeconds: z.int().min(1).max(86400) }),
  }),
  replicas: z.int().min(0).max(10),
  leaderElection: z.strictObject({
    leaseDurationSeconds: z.int().min(1).max(3600),
    renewDeadlineSeconds: z.int().min(1).max(3600),
    retryPeriodSeconds: z.int().min(1).max(3600),
  }),
  resources: z.strictObject({ limits: quantities.optional(), requests: quantities.optional() }),
  nodeSelector: labels,
  tolerations: z.array(toleration),
  affinity: z.strictObject({
    nodeAffinity: foreign.optional(),
    podAffinity: foreign.optional(),
    podAntiAffinity: foreign.optional(),
  }),
  topologySpreadConstraints: z.array(foreign),
  priorityClassName: text,
  podAnnotations: labels,
  podLabels: labels,
  commonLabels: labels,
  serviceAccount: z.strictObject({ name: text, annotations: labels }),
  rbac: z.strictObject({ userRoles: z.boolean() }),
  podDisruptionBudget: z.strictObject({ enabled: z.boolean() }),
  networkPolicy: z.strictObject({
    enabled: z.boolean(),
    metricsFrom: peers,
    apiServer: z.strictObject({ ports: z.array(port).min(1), cidrs: z.array(cidr) }),
  }),
  serviceMonitor: z.strictObject({
    enabled: z.boolean(),
    labels,
    interval: z.string().regex(/^([0-9]+(ms|s|m|h|d))+$/),
  }),
  prometheusRule: z.strictObject({ enabled: z.boolean(), labels, alertLabels: labels, runbooks: z.string().min(1) }),
  dashboard: z.strictObject({ enabled: z.boolean(), labels, annotations: labels }),
  crds: z.strictObject({ enabled: z.boolean(), keep: z.boolean() }),
});
