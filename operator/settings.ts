/** The operator's settings: one YAML file, which the chart writes. */

import { z } from 'zod';
import { relayFleetSpec } from '../crds/v1alpha1/relay-fleet.ts';

const namespaceName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the name of a namespace');
const labels = z.record(z.string(), z.string());

/** Who may reach a port: pods with these labels in namespaces with those; {} alone means all. */
const peer = z.strictObject({ namespaceLabels: labels.optional(), podLabels: labels.optional() });

export const settingsSchema = z.strictObject({
  /** Namespaces whose resources are read. Empty: all, which needs a ClusterRole. */
  watchNamespaces: z.array(namespaceName).default([]),
  /** The relay's image where a RelayFleet names none. */
  relayImage: z.string().min(1),
  imagePullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'),
  defaultFleet: z
    .strictObject({
      create: z.boolean().default(true),
      /** As a user would write it; checked when it is applied. */
      spec: z.record(z.string(), z.unknown()).default({}),
    })
    .prefault({}),
  /** Which namespaces may claim a shared domain; the first match counts, no match: every namespace. */
  domains: z
    .array(
      z.strictObject({
        /** `shared.example`, or `*.shared.example` for everything below it. */
        match: z.string().min(1),
        namespaces: z.array(namespaceName),
      }),
    )
    .default([]),
  networkPolicy: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Who may read /metrics and /status on 9090 besides the operator. */
      metricsFrom: z.array(peer).default([{}]),
      /** On which mail systems listen in pods of this cluster, besides the ports of next hops. */
      nextHopPodPorts: z.array(z.int().min(1).max(65535)).default([2525]),
    })
    .prefault({}),
  serviceMonitor: z
    .strictObject({
      /** Made when the cluster has that kind. */
      enabled: z.boolean().default(true),
      labels: labels.default({}),
      intervalSeconds: z.int().min(1).default(30),
    })
    .prefault({}),
  leaderElection: z
    .strictObject({
      leaseName: z.string().default('isthmus-operator'),
      leaseDurationSeconds: z.number().min(1).default(15),
      renewDeadlineSeconds: z.number().min(1).default(10),
      retryPeriodSeconds: z.number().min(0.1).default(2),
    })
    .prefault({}),
  /** Labels of the operator's own pods, by which relay pods let it read /status. */
  operatorLabels: labels.default({ 'app.kubernetes.io/name': 'isthmus' }),
  /** A Secret in the operator's namespace that it makes: the key that hides credentials' content in their names. */
  keySecretName: z.string().default('isthmus-operator-key'),
});

export type Settings = z.output<typeof settingsSchema>;
export type DefaultFleetSpec = z.input<typeof relayFleetSpec>;
