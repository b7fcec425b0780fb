/** What a relay pod's /status says besides what every relay says: the operator reads it. */

import { z } from 'zod';

/**
 * How many seconds a pod that ends still takes connections after it has turned unready, so that no node sends it any when its
 * listener closes: the kubelet asks it three times, 2 s apart, and within 2 s more every node's kube-proxy knows the answer.
 */
export const UNREADY_SECONDS = 8;

export const podStatusSchema = z.object({
  /** metadata.uid of the pod, so that an answer from an address that was given away is known for what it is. */
  podUid: z.string(),
  formats: z.array(z.number()),
  /** From the annotation; undefined: none. */
  wanted: z.string().optional(),
  /** undefined: there has never been a complete configuration. */
  running: z.string().optional(),
  refused: z.object({ revision: z.string(), reason: z.string() }).optional(),
  findings: z.array(z.object({ type: z.string(), subject: z.string(), message: z.string() })),
});

export type PodStatus = z.infer<typeof podStatusSchema>;
