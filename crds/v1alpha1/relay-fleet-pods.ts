/** The part of RelayFleet that says how its pods are made and where they run. */

import { z } from 'zod';
import { objectName } from './references.ts';
import { atMost, atomic, mapBy, withRules } from './rules.ts';

/** A label's value, RFC 1123 label syntax of Kubernetes. */
const labelValue = z.string().max(63);
/** Long enough for a JSON document in an annotation, short enough for 64 of them. */
const annotationValue = z.string().max(4096);
const MAP_ENTRIES = 64;

const quantity: z.ZodType<string | number> = withRules(
  z.any().describe('A quantity, such as 500m or 256Mi.').meta({ 'x-kubernetes-int-or-string': true, maxLength: 32 }),
  { rule: 'isQuantity(string(self))', message: 'must be a quantity, such as 2, 500m or 256Mi' },
);

/** The same shape as a container's; unknown resource names are the API server's to refuse. */
const quantities = (description: string) => atMost(16, z.record(z.string(), quantity)).describe(description).optional();

const toleration = z.object({
  key: z.string().max(317).describe('Key of the taint; empty with operator Exists: every taint.').optional(),
  operator: z.enum(['Equal', 'Exists']).default('Equal').describe('How value is compared.'),
  value: labelValue.describe('Value of the taint; empty with operator Exists.').optional(),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .describe('Effect of the taint; left out: every effect.')
    .optional(),
  tolerationSeconds: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .describe('How long a NoExecute taint is tolerated; left out: for ever.')
    .optional(),
});

export const podFields = {
  image: z
    .string()
    .min(1)
    .max(1024)
    .describe('Image of the relay. Default: the one that belongs to the operator, which keeps the two in step.')
    .optional(),
  imagePullSecrets: mapBy(
    'name',
    z.array(z.object({ name: objectName('Name of a Secret in the same namespace.') })).max(16),
  )
    .describe('Secrets with the credentials of a private registry.')
    .optional(),
  resources: z
    .object({
      limits: quantities('The most that a pod may use, by resource name.'),
      requests: quantities('What the scheduler sets aside for a pod, by resource name.'),
    })
    .describe('CPU and memory of a relay pod, as of a container.')
    .optional(),
  nodeSelector: atMost(MAP_ENTRIES, z.record(z.string(), labelValue))
    .describe('Labels that a node must have to run relay pods.')
    .optional(),
  tolerations: atomic(z.array(toleration).max(32)).describe('Taints that relay pods tolerate.').optional(),
  affinity: z
    .record(z.string(), z.unknown())
    .meta({ 'x-kubernetes-preserve-unknown-fields': true })
    .describe(
      "A pod's affinity (see kubectl explain pod.spec.affinity). Pods are spread over hosts and zones without it.",
    )
    .optional(),
  priorityClassName: objectName('PriorityClass of relay pods.').optional(),
  podAnnotations: withRules(atMost(MAP_ENTRIES, z.record(z.string(), annotationValue)), {
    rule: "self.all(key, !key.startsWith('isthmus.dev/'))",
    message: 'annotations below isthmus.dev/ belong to the operator: choose other keys',
  })
    .describe('Annotations that every relay pod gets.')
    .optional(),
  podLabels: withRules(atMost(MAP_ENTRIES, z.record(z.string(), labelValue)), {
    rule:
      "self.all(key, !key.startsWith('isthmus.dev/') && !(key in ['app.kubernetes.io/name', " +
      "'app.kubernetes.io/instance', 'app.kubernetes.io/component', 'app.kubernetes.io/managed-by', " +
      "'pod-template-hash']))",
    message:
      'the operator finds its pods by isthmus.dev/*, pod-template-hash and app.kubernetes.io/name, instance, ' +
      'component and managed-by: choose other keys',
  })
    .describe('Labels that every relay pod gets.')
    .optional(),
};
