/** Reads a built image the way a container engine does: layout, index, manifest, configuration, layers; tar reads archives. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageConfiguration {
  readonly architecture: string;
  readonly os: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly WorkingDir: string;
    readonly Env: readonly string[];
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

export interface ImageFile {
  readonly index: { readonly manifests: readonly Descriptor[] };
  readonly manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
  readonly configuration: ImageConfiguration;
  /** What `docker load` reads. */
  readonly dockerTable: readonly { Config: string; RepoTags: readonly string[]; Layers: readonly string[] }[];
  /** Digest by which a blob is stored → digest of its octets. */
  readonly blobs: ReadonlyMap<string, string>;
  /** Path of a blob in the unpacked folder. */
  blobPath(digest: string): string;
}

export const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Unpacks it into `folder`, which it makes anew. */
export function readImage(file: string, folder: string): ImageFile {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xf', file, '-C', folder]);
  const blobPath = (digest: string) => join(folder, 'blobs', digest.replace(':', '/'));
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const index = json(join(folder, 'index.json')) as ImageFile['index'];
  const manifest = json(blobPath(index.manifests[0]?.digest ?? '')) as ImageFile['manifest'];
  const stored = readdirSync(join(folder, 'blobs/sha256')).map((name) => `sha256:${name}`);
  return {
    index,
    manifest,
    configuration: json(blobPath(manifest.config.digest)) as ImageConfiguration,
    dockerTable: json(join(folder, 'manifest.json')) as ImageFile['dockerTable'],
    blobs: new Map(stored.map((digest) => [digest, sha256(readFileSync(blobPath(digest)))])),
    blobPath,
  };
}

/** By a layer's digest: unpacking Node takes a second, and both images have it. */
const unpacked = new Map<string, string>();

/** Digest of a layer's tar archive, without its compression. */
export function unpackedDigest(layer: string): string {
  const packed = readFileSync(layer);
  const found = unpacked.get(sha256(packed)) ?? sha256(gunzipSync(packed));
  unpacked.set(sha256(packed), found);
  return found;
}

export interface LayerEntry {
  readonly mode: string;
  readonly owner: string;
  readonly time: string;
  readonly path: string;
}

export function layerEntries(layer: string): LayerEntry[] {
  const args = ['--list', '--verbose', '--gzip', '--numeric-owner', '--utc', '--full-time', '--file', layer];
  const listing = execFileSync('tar', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return listing
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [mode = '', owner = '', , date = '', time = '', ...path] = line.split(/ +/);
      return { mode, owner, time: `${date} ${time}`, path: path.join(' ') };
    });
}

/** The root filesystem: every layer over the one before. */
export function unpackRoot(image: ImageFile, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const { digest } of image.manifest.layers) {
    execFileSync('tar', ['--extract', '--gzip', '--file', image.blobPath(digest), '--directory', folder]);
  }
}
