/** Argo CD's folders and settings, made of the one health.lua. */

import { stringify } from 'yaml';
import { API_GROUP } from '../crds/v1alpha1/metadata.ts';
import { KINDS } from '../crds/v1alpha1/kinds.ts';

/** The folder that Argo CD's own repository has, so that a copy of it is a contribution there. */
const CUSTOMIZATIONS = 'deploy/argocd/resource_customizations';
const HEADER = `# Made by "npm run generate" from deploy/argocd/health.lua. Never edited by hand.
# Add these keys to the ConfigMap argocd-cm in Argo CD's namespace:
#   kubectl patch configmap argocd-cm -n argocd --type merge --patch-file deploy/argocd/argocd-cm.yaml
`;

/** File, from the project's root → content. */
export function argocdFiles(healthLua: string): [string, string][] {
  const data = Object.fromEntries(
    KINDS.map((kind) => [`resource.customizations.health.${API_GROUP}_${kind}`, healthLua]),
  );
  const settings = HEADER + stringify({ data }, { lineWidth: 0, aliasDuplicateObjects: false });
  return [
    ...KINDS.map((kind): [string, string] => [`${CUSTOMIZATIONS}/${API_GROUP}/${kind}/health.lua`, healthLua]),
    ['deploy/argocd/argocd-cm.yaml', settings],
  ];
}
