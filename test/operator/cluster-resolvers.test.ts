import { expect, test } from 'vitest';
import { clusterResolvers } from '../../operator/cluster-resolvers.ts';

test.each([
  ["the cluster's DNS Service", ['10.96.0.10'], ['10.96.0.10']],
  ['a cache on each node', ['169.254.20.10'], ['169.254.20.10']],
  ['both families, in the order in which they are asked', ['fd00::a', '10.96.0.10'], ['fd00::a', '10.96.0.10']],
  ["a stub of this machine's own", ['127.0.0.53', '::1'], []],
  ['an address that is one of an interface', ['fe80::1%eth0'], []],
  ['a port of its own, which pods are never told', ['10.96.0.10:5353', '[fd00::a]:5353'], []],
])('%s', (_about, told, expected) => {
  expect(clusterResolvers(told)).toEqual(expected);
});
