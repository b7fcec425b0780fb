/** Options that say which cluster and which part of it is meant, called as kubectl calls them. */

import { type CommandLine, CommandLineError, type OptionSpecs } from '../command-line.ts';

export const CLUSTER_OPTIONS: OptionSpecs = {
  kubeconfig: { value: 'FILE', help: 'how to reach the cluster (default: what KUBECONFIG says, else ~/.kube/config)' },
  context: { value: 'NAME', help: 'which context of it (default: the current one)' },
  namespace: { value: 'NAME', short: 'n', help: "which namespace (default: the context's)" },
  'all-namespaces': { short: 'A', help: 'every namespace' },
};

export interface ClusterChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** undefined: the context's. */
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
}

export function readClusterChoice(line: CommandLine): ClusterChoice {
  const namespace = line.one('namespace');
  const allNamespaces = line.has('all-namespaces');
  if (namespace === '') throw new CommandLineError('--namespace is empty', 'name one, or leave it out');
  if (namespace !== undefined && allNamespaces) {
    throw new CommandLineError('--namespace and --all-namespaces exclude each other', 'choose one of them');
  }
  return { kubeconfig: line.one('kubeconfig'), context: line.one('context'), namespace, allNamespaces };
}

/** Throws when one of them was given where folders are read. */
export function refuseClusterOptions(line: CommandLine, instead: string): void {
  const given = Object.keys(CLUSTER_OPTIONS).find((name) => line.has(name));
  if (given !== undefined) throw new CommandLineError(`--${given} is about a cluster, and folders are read`, instead);
}
