/** Finds the cluster that is meant, as kubectl does, and lets go of it when the question is answered. */

import type { Api } from '../../operator/kube/api.ts';
import { connect, type Kube } from '../../operator/kube/client.ts';
import { CommandLineError } from '../command-line.ts';
import type { ClusterChoice } from './options.ts';
import type { Scope } from './resources.ts';

export interface Cluster {
  readonly api: Api;
  readonly scope: Scope;
  /** Where an object without a namespace belongs: the one that was chosen, else the context's. */
  readonly home: string;
}

/** The connection is closed when `ask` has answered. */
export async function inCluster<T>(choice: ClusterChoice, ask: (cluster: Cluster) => Promise<T>): Promise<T> {
  const kube = open(choice);
  const home = choice.namespace ?? kube.ownNamespace;
  try {
    return await ask({ api: kube, home, scope: choice.allNamespaces ? undefined : home });
  } finally {
    await kube.close();
  }
}

function open({ kubeconfig, context }: ClusterChoice): Kube {
  // A pod's own service account is meant only where nobody says otherwise.
  const named = (process.env['KUBECONFIG'] ?? '') !== '';
  try {
    return connect({
      userAgent: 'kubectl-isthmus',
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
      ...(named && { inCluster: false }),
    });
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new CommandLineError(
      `no cluster is known: ${cause.message}`,
      'kubectl config get-contexts lists those of your kubeconfig; --kubeconfig and --context choose',
    );
  }
}
