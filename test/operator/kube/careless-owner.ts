/** A process whose watch throws, once it has synced, and who awaits nothing more: arguments are a kubeconfig and a namespace. */

import { connect } from '../../../operator/kube/client.ts';
import { CONFIG_MAP } from './following.ts';

const [kubeconfig = '', namespace = ''] = process.argv.slice(2);
const watch = connect({ kubeconfig }).watch({
  type: CONFIG_MAP,
  namespace,
  onChange({ metadata }) {
    if (watch.isSynced()) throw new Error(`nobody expected ${metadata.name}`);
  },
});
await watch.synced;
process.stdout.write('follows\n');
