/** Publishes a configuration in a cluster as the operator does: manifests compiled, packed, and written into slots. */

import { connect } from '../../operator/kube/client.ts';
import { RESOURCES } from '../../operator/reconcile/kinds.ts';
import { SlotStore } from '../../operator/reconcile/slot-store.ts';
import { Packer } from '../../operator/slots/pack.ts';
import { inNamespace } from '../../cli/cluster/overlay.ts';
import { compileManifests } from '../../cli/compilation.ts';
import { parseManifests } from '../../cli/manifests/parse.ts';
import { CONFIG_FORMAT } from '../../relay/core/config.ts';

export interface Publication {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** YAML, with the Secrets that it needs. */
  readonly manifests: string;
  /** Names of rules whose rows lie in Secrets. */
  readonly confidentialRules?: readonly string[];
}

/** The revision that runs from now on, proven, in the fleet `default`, which must be there. */
export async function publish(publication: Publication): Promise<string> {
  const { namespace, manifests, confidentialRules = [] } = publication;
  const parsed = inNamespace(parseManifests([{ name: 'published.yaml', text: manifests }]), namespace, undefined);
  const state = { running: [], tombstones: [] };
  const { fleets } = compileManifests(parsed, { state, now: new Date(), signingKeys: ['k'.repeat(32)] });
  const [fleet] = fleets;
  if (fleet === undefined) throw new Error('the manifests have no fleet');
  const { config, credentials } = fleet;
  const confidential = new Set(confidentialRules);
  const packed = new Packer('secret').pack({ config, credentials, confidentialRules: confidential, tombstones: [] });
  if (!packed.ok) throw new Error(packed.tooLarge);
  const kube = connect({ kubeconfig: publication.kubeconfig });
  try {
    const owner = await kube.get(RESOURCES.RelayFleet, namespace, 'default');
    if (!owner.ok) throw new Error(owner.message);
    const identity = { namespace, name: 'default', uid: owner.value.metadata.uid ?? '' };
    const store = new SlotStore(kube, identity, () => undefined);
    const read = await store.read();
    if (!read.ok) throw new Error(read.message);
    const pieces = packed.pieces.map(({ slot, key }) => ({ slot, key }));
    const revisions = [{ revision: config.revision, state: 'proven' as const, pieces }];
    for (const result of [
      await store.put(packed.pieces),
      await store.writeManifest({ format: CONFIG_FORMAT, revisions, memory: [] }),
    ]) {
      if (!result.ok) throw new Error(result.message);
    }
    return config.revision;
  } finally {
    await kube.close();
  }
}
