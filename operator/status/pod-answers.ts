/** Which pods count, and which of their answers. */

import type { PodReport, RelayPod } from '../rollout/pods.ts';
import type { FleetFacts } from './facts.ts';

/** Pods are asked every 10 s: three answers in a row are missing. */
const ANSWER_MS = 30_000;

/** An answer that is too old says nothing about what the pod runs now. */
export function answerOf({ reports, reportsSince = 0 }: FleetFacts, pod: RelayPod, now: number): PodReport | undefined {
  const report = reports.get(pod.uid);
  if (report === undefined || report.at < reportsSince || now - report.at > ANSWER_MS) return undefined;
  return report;
}

export function isServing(pod: RelayPod): boolean {
  return pod.ready && !pod.terminating;
}
