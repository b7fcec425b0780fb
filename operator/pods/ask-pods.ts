/** Asks relay pods for their /status: bounded in time, size and number, and believed only from the very pod. */

import { podStatusSchema } from '../../relay/core/pod-status.ts';
import { HTTP_PORT } from '../manifests/names.ts';
import type { PodReport, RelayPod } from '../rollout/pods.ts';

export interface AskOptions {
  /** For each pod; default 2 s. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Only tests have pods that listen elsewhere. */
  readonly port?: number;
  readonly fetch?: typeof fetch;
}

/** A pod that needs longer is in trouble, and the others are not kept waiting. */
const TIMEOUT_MS = 2000;
/** A line for each of a thousand routes has room; what is longer is not ours. */
const BODY_BYTES = 1024 * 1024;
/** The largest fleets have some dozens of pods. */
const AT_ONCE = 32;

/** By pod UID. Pods without an address, and those that do not answer as they should, are missing. */
export async function askPods(pods: readonly RelayPod[], options: AskOptions): Promise<Map<string, PodReport>> {
  const answers = new Map<string, PodReport>();
  const queue = pods.filter(({ ip }) => ip !== undefined);
  async function work(): Promise<void> {
    for (let pod = queue.shift(); pod !== undefined; pod = queue.shift()) {
      const report = await askPod(pod, options);
      if (report !== undefined) answers.set(pod.uid, report);
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work));
  return answers;
}

async function askPod({ ip, uid }: RelayPod, options: AskOptions): Promise<PodReport | undefined> {
  const { timeoutMs = TIMEOUT_MS, now, port = HTTP_PORT, fetch: ask = fetch } = options;
  const host = ip?.includes(':') ? `[${ip}]` : ip;
  // What it says holds from when it was asked: it may be older than the arrival of its answer.
  const at = now();
  try {
    const response = await ask(`http://${host}:${port}/status`, {
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
      headers: { accept: 'application/json' },
    });
    const text = response.ok ? await readBounded(response) : undefined;
    if (!response.ok) await response.body?.cancel();
    return text === undefined ? undefined : toReport(JSON.parse(text), uid, at);
  } catch {
    // No answer, none in time or none that is JSON: all mean that nothing is known, which is what is returned.
    return undefined;
  }
}

async function readBounded(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Addresses are given away again: an answer with another UID is another pod's. */
function toReport(answer: unknown, uid: string, at: number): PodReport | undefined {
  const parsed = podStatusSchema.safeParse(answer);
  if (!parsed.success || parsed.data.podUid !== uid) return undefined;
  const { formats, wanted, running, refused, findings } = parsed.data;
  return { uid, at, formats, wanted, running, refused, findings };
}
