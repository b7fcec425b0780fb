/** The CustomResourceDefinition of a kind, as an object that is ready to be written down. */

import { openApiSchema } from './openapi.ts';
import { type Kind, type KindSchema, SCHEMAS } from './v1alpha1/kinds.ts';
import { API_GROUP, VERSION } from './v1alpha1/metadata.ts';

/** `kubectl get isthmus` shows all kinds. */
const CATEGORY = 'isthmus';

export function definition(kind: Kind) {
  const schema: KindSchema = SCHEMAS[kind];
  const { required, ...openAPIV3Schema } = openApiSchema(kind);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${schema.plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural: schema.plural,
        singular: schema.singular,
        shortNames: [schema.shortName],
        categories: [CATEGORY],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { ...openAPIV3Schema, ...(required?.length ? { required } : {}) } },
          subresources: {
            status: {},
            ...(schema.scale
              ? {
                  scale: {
                    specReplicasPath: '.spec.replicas',
                    statusReplicasPath: '.status.replicas',
                    labelSelectorPath: '.status.selector',
                  },
                }
              : {}),
          },
          additionalPrinterColumns: schema.columns,
        },
      ],
    },
  };
}

export function definitionFile(kind: Kind): string {
  return `${SCHEMAS[kind].plural}.yaml`;
}
