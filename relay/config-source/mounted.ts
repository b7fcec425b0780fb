/** What a folder says a pod should run: the manifest, the wanted revision, and where the pieces lie. */

import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, MANIFEST_FILE, manifestSchema, WANTED_REVISION_FILE } from '../core/manifest.ts';
import { DATA_LINK } from './folder-watch.ts';

export interface Mounted {
  /** Holds the pieces, each named by its key. */
  readonly folder: string;
  /** From the pod's annotation; undefined: none. */
  readonly wanted: string | undefined;
  /** undefined: there is none yet. */
  readonly manifest: Manifest | undefined;
  /** Why there is a manifest and it cannot be read. */
  readonly problem: string | undefined;
}

/** All of it from one state of the folder, however often it changes meanwhile. */
export async function readMounted(folder: string): Promise<Mounted> {
  const data = await realpath(join(folder, DATA_LINK)).catch(() => folder);
  const [manifest, wanted] = await Promise.all([
    readText(join(data, MANIFEST_FILE)),
    readText(join(data, WANTED_REVISION_FILE)),
  ]);
  const trimmed = wanted?.trim() ?? '';
  return { folder: data, wanted: trimmed === '' ? undefined : trimmed, ...parseManifest(manifest) };
}

function parseManifest(text: string | undefined): Pick<Mounted, 'manifest' | 'problem'> {
  if (text === undefined) return { manifest: undefined, problem: undefined };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { manifest: undefined, problem: `${MANIFEST_FILE} is no JSON` };
  }
  const parsed = manifestSchema.safeParse(raw);
  if (parsed.success) return { manifest: parsed.data, problem: undefined };
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  return {
    manifest: undefined,
    problem: `${MANIFEST_FILE} is of a format this relay does not read: ${where} ${issue?.message}`,
  };
}

/** undefined: there is no such file now. */
async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}
