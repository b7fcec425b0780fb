/**
 * How a configuration reaches a relay: a manifest that names revisions, and pieces that hold them. Written by the
 * operator, read by the relay.
 */

import { z } from 'zod';
import {
  CONFIG_FORMAT,
  relayConfigSchema,
  rewriteRuleSchema,
  sharedDomainSchema,
  tenantRouteSchema,
} from './config.ts';

/** Name of the manifest among the files of the mounted folder; every other file there is a piece named by its key. */
export const MANIFEST_FILE = 'manifest.json';
/** The file that holds the revision the operator wants this pod to run; empty or missing: the proven one. */
export const WANTED_REVISION_FILE = 'revision';

/** Lower-case hex of the SHA-256 of the piece's octets, and its file name. */
const pieceKey = z.string().regex(/^[0-9a-f]{64}$/);

export const pieceReference = z.object({
  /** Where the operator keeps it: `07` a ConfigMap slot, `s07` a Secret slot. Means nothing to the relay. */
  slot: z.string().regex(/^s?[0-9]{2}$/),
  key: pieceKey,
});

export const manifestSchema = z.object({
  format: z.literal(CONFIG_FORMAT),
  /** At most one of each state; the first of an installation is proven. */
  revisions: z
    .array(
      z.object({
        revision: z.string(),
        /** proven: a pod without an annotation, or with one that is not listed, runs it. */
        state: z.enum(['proven', 'candidate']),
        pieces: z.array(pieceReference),
      }),
    )
    .max(2),
  /** What the operator must remember besides: tombstones. The relay does not read them. */
  memory: z.array(pieceReference),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestRevision = Manifest['revisions'][number];
export type PieceReference = z.infer<typeof pieceReference>;

/** The revision that a pod runs which was told `wanted`. */
export function revisionFor(manifest: Manifest, wanted: string | undefined): ManifestRevision | undefined {
  return (
    manifest.revisions.find(({ revision }) => revision === wanted) ??
    manifest.revisions.find(({ state }) => state === 'proven')
  );
}

/** A rule whose rows are many is several items; joined in the order of `part`. */
const ruleItem = z.object({
  type: z.literal('rule'),
  part: z.int().min(0),
  parts: z.int().min(1),
  rule: rewriteRuleSchema,
});

const { held } = relayConfigSchema.shape;

const tombstoneBase = { namespace: z.string(), fleet: z.string(), name: z.string(), expiresAt: z.number() };

/**
 * A piece is gzip (several members may follow each other); unpacked it is JSON, one item a line. The order of items
 * means nothing.
 */
export const pieceItemSchema = z.discriminatedUnion('type', [
  /** Everything of the configuration but rules, held addresses and the revision's name; one a revision. */
  z.object({
    type: z.literal('head'),
    config: relayConfigSchema
      .omit({ revision: true, rewriteRules: true })
      .extend({ held: held.omit({ addresses: true }) }),
  }),
  ruleItem,
  z.object({ type: z.literal('heldAddresses'), addresses: z.array(z.string()) }),
  z.object({ type: z.literal('credential'), id: z.string(), text: z.string() }),
  /** Makes the hash of a piece that holds a secret say nothing about the secret. */
  z.object({ type: z.literal('salt'), salt: z.string() }),
  z.object({
    type: z.literal('tombstone'),
    tombstone: z.discriminatedUnion('kind', [
      z.object({ ...tombstoneBase, kind: z.literal('SharedDomain'), was: sharedDomainSchema }),
      z.object({ ...tombstoneBase, kind: z.literal('TenantRoute'), was: tenantRouteSchema }),
    ]),
  }),
  ruleItem.extend({ type: z.literal('tombstoneRule'), ...tombstoneBase }),
]);

export type PieceItem = z.infer<typeof pieceItemSchema>;
