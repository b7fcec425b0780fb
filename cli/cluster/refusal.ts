/** Words for what an API server refuses or does not answer, and what to do about it. */

import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import type { Api, ApiFailure } from '../../operator/kube/api.ts';
import { CommandLineError } from '../command-line.ts';

export const INSTALL_FIRST =
  'install the chart first: helm install isthmus charts/isthmus --namespace mail --create-namespace';

/** `what`: `list SharedDomains in namespace mail`. */
export function refusal({ status, message }: ApiFailure, what: string): CommandLineError {
  switch (status) {
    case undefined:
      return new CommandLineError(
        `the API server cannot be reached: ${message}`,
        'kubectl cluster-info says whether this is the right context and the cluster is up',
      );
    case 401:
      return new CommandLineError(
        'the API server does not know you: the credentials of this context are wrong or have expired',
        'sign in again, or choose another context with --context',
      );
    case 403:
      return new CommandLineError(
        `you may not ${what}: ${message}`,
        'ask an administrator for the ClusterRole isthmus-view, in a RoleBinding of this namespace or for all of them',
      );
    default:
      return new CommandLineError(
        `the API server could not ${what}: ${message} (HTTP ${status})`,
        'try again; its own log says more',
      );
  }
}

/** A list that is not there may be a cluster without Isthmus. */
export async function listRefusal(api: Api, failure: ApiFailure, what: string): Promise<CommandLineError> {
  if (failure.status !== 404) return refusal(failure, what);
  const known = await api.discover(API_VERSION);
  if (!known.ok) return refusal(known, 'say which kinds it knows');
  if (known.value.length > 0) {
    return new CommandLineError(
      `this cluster has an older Isthmus: it knows ${known.value.join(', ')}`,
      'upgrade the chart: helm upgrade isthmus charts/isthmus',
    );
  }
  return new CommandLineError(`this cluster does not know the kinds of ${API_VERSION}`, INSTALL_FIRST);
}
