/**
 * A process that tries to lead and, when it does, to write every few milliseconds: it says `leads`, `writes`, and
 * `refused` for the write that its fence has refused, and why. Arguments: a kubeconfig, the name of the lease, its
 * own, and `lasting` when the lease is not to expire.
 */

import { connect } from '../../../operator/kube/client.ts';
import { elect } from '../../../operator/kube/election.ts';
import { LASTING_LEASE, QUICK_LEASE } from './quick-lease.ts';

const [kubeconfig = '', leaseName = '', identity = '', lasting] = process.argv.slice(2);
const times = lasting === undefined ? QUICK_LEASE : LASTING_LEASE;
const say = (text: string) => process.stdout.write(`${text}\n`);
const election = elect({ kube: connect({ kubeconfig }), namespace: 'default', leaseName, identity, ...times });
election.signal.addEventListener('abort', () => say(`ended: ${election.signal.reason.message}`));
let writing: NodeJS.Timeout | undefined;
process.on('SIGTERM', () => {
  clearInterval(writing);
  void election.stop().then(() => process.exit(0));
});
await election.acquired;
say('leads');
writing = setInterval(() => {
  try {
    election.assertLeader();
    say('writes');
  } catch (error) {
    say(`refused: ${error instanceof Error ? error.message : error}`);
    clearInterval(writing);
  }
}, 5);
