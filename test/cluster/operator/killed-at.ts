/** An operator that dies when it sends a certain write: what it wrote before is stored, and that is not. */

import type { Asked, FaultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { until } from '../daemon.ts';
import type { OperatorProcess } from './installation.ts';

const isWrite = ({ method, path }: Asked): boolean =>
  method !== 'GET' && !path.includes('/leases/') && !path.endsWith('/events');

/** What is done has been told, and a write may still follow. */
const QUIET_MS = 2000;

export interface Death {
  /** Asked at each of its writes, with those that came before: whether it dies now. */
  readonly isTime: (before: readonly Asked[]) => boolean;
  /** Makes it write. Left out: it is about to. */
  readonly cause?: () => Promise<unknown>;
  /** With nothing more to write. */
  readonly isDone: () => Promise<boolean>;
}

/** False: it was done before its time, and was killed then. `operator` must run through `proxy`. */
export async function killedAt(
  proxy: FaultyProxy,
  operator: OperatorProcess,
  { isTime, cause, isDone }: Death,
): Promise<boolean> {
  const before: Asked[] = [];
  let killed: Promise<void> | undefined;
  let wroteAt = performance.now();
  proxy.next(['reset'], (asked) => {
    if (!isWrite(asked) || killed !== undefined) return false;
    wroteAt = performance.now();
    if (!isTime(before)) {
      before.push(asked);
      return false;
    }
    killed = operator.daemon.kill('SIGKILL');
    return true;
  });
  await cause?.();
  const isQuiet = () => performance.now() - wroteAt > QUIET_MS;
  const isOver = async () => killed !== undefined || ((await isDone()) && isQuiet());
  const detail = () => `${before.map(({ method, path }) => `${method} ${path}`).join('\n')}\n${operator.daemon.log()}`;
  await until('it is killed or done', isOver, { every: 50, seconds: 120, detail });
  await (killed ?? operator.daemon.kill('SIGKILL'));
  proxy.next([]);
  return killed !== undefined;
}
