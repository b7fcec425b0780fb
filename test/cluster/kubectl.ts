/** kubectl against one cluster, with a cache of its own: by address alone an earlier cluster's kinds would answer. */

import { join } from 'node:path';
import { type Finished, run } from '../support/child-process.ts';

export interface KubectlOptions {
  readonly input?: string;
  /** A user to impersonate: `system:serviceaccount:mail:isthmus`. */
  readonly as?: string;
  /** Instead of the administrator's. */
  readonly kubeconfig?: string;
}

export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<Finished>;

export function kubectlOf(program: string, kubeconfig: string, folder: string): Kubectl {
  return (args, options = {}) => {
    const as = options.as === undefined ? [] : ['--as', options.as];
    const place = ['--kubeconfig', options.kubeconfig ?? kubeconfig, '--cache-dir', join(folder, 'kubectl-cache')];
    const given = options.input === undefined ? {} : { input: options.input };
    // A plugin's name must come before any flag.
    return run(program, [...args, ...place, ...as], given);
  };
}
