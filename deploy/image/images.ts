/** The two images: what is in each, how it is started, and what it is called. */

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { baseEntries, USER } from './root-files.ts';
import { complete, type Entry } from './entry.ts';
import { type ImageFacts, type Layer, writeLayer, writeLayerOnce, writeLayout } from './layout.ts';
import { HOME, type Program, programEntries } from './program.ts';

export type ImageName = 'operator' | 'relay';
export const IMAGE_NAMES: readonly ImageName[] = ['operator', 'relay'];

/**
 * Nothing is published. `localhost` is nobody's registry: a node that does not have the image asks no stranger for it.
 */
export const REPOSITORY = 'localhost/isthmus';

interface Runnable extends Program {
  readonly title: string;
  readonly ports: readonly number[];
  /** Of Node itself. */
  readonly flags: readonly string[];
}

/**
 * V8 lets a heap double before it looks for garbage, and a relay with a million addresses would need half as much
 * memory again for what it does not use: 318 MiB against 219 after some changes. The price is some CPU at a change.
 */
const SMALL_HEAP = ['--max-semi-space-size=8', '--heap-growing-percent=40'];

const PROGRAMS: Readonly<Record<ImageName, Runnable>> = {
  operator: {
    title: 'Isthmus operator',
    folders: ['operator'],
    entry: 'operator/main.ts',
    ports: [],
    flags: [],
  },
  relay: {
    title: 'Isthmus SMTP relay',
    folders: ['relay'],
    entry: 'relay/pod.ts',
    ports: [2525, 9090],
    flags: SMALL_HEAP,
  },
};

export interface Checkout {
  readonly root: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
}

export function readCheckout(root: string): Checkout {
  const { version, license, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Checkout;
  return { root, version, license, description };
}

const nodeOf = (root: string): string => join(root, 'node_modules/node/bin/node');

/** The root filesystem of an image, as one list. */
export function rootEntries({ root, version }: Checkout, image: ImageName): Entry[] {
  return complete([...baseEntries(nodeOf(root)), ...programEntries(root, version, PROGRAMS[image])]);
}

export interface BuiltImage {
  readonly name: string;
  readonly file: string;
  readonly digest: string;
}

export interface BuildOptions {
  /** Gets the tar files. */
  readonly folder: string;
  readonly tag: string;
  /** Keeps the layer with Node for the next build; default: a place in the checkout's build folder. */
  readonly kept?: string;
}

/** Both images share the layer with Node. */
export async function buildImages(
  checkout: Checkout,
  images: readonly ImageName[],
  { folder, tag, kept = join(checkout.root, 'build/image/layers') }: BuildOptions,
): Promise<BuiltImage[]> {
  await mkdir(kept, { recursive: true });
  await mkdir(folder, { recursive: true });
  const programs = await mkdtemp(join(folder, 'layers-'));
  try {
    const base = await writeLayerOnce(baseEntries(nodeOf(checkout.root)), kept);
    const built: BuiltImage[] = [];
    for (const image of images) {
      const program = await writeLayer(programEntries(checkout.root, checkout.version, PROGRAMS[image]), programs);
      built.push(await writeImage(checkout, image, [base, program], { folder, tag }));
    }
    return built;
  } finally {
    await rm(programs, { recursive: true, force: true });
  }
}

async function writeImage(
  checkout: Checkout,
  image: ImageName,
  layers: readonly Layer[],
  { folder, tag }: BuildOptions,
): Promise<BuiltImage> {
  const facts: ImageFacts = {
    repository: `${REPOSITORY}/${image}`,
    tag,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: imageConfig(checkout, image),
  };
  const file = join(folder, `isthmus-${image}.tar`);
  const digest = await writeLayout(facts, layers, file);
  return { name: `${facts.repository}:${tag}`, file, digest };
}

export function imageConfig({ version, license, description }: Checkout, image: ImageName) {
  const { title, entry, ports, flags } = PROGRAMS[image];
  return {
    User: `${USER}:${USER}`,
    WorkingDir: `/${HOME}`,
    Entrypoint: ['/usr/local/bin/node', ...flags, `/${HOME}/${entry.replace(/\.ts$/, '.js')}`],
    Env: ['PATH=/usr/local/bin', 'NODE_ENV=production'],
    ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])) }),
    Labels: {
      'org.opencontainers.image.title': title,
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
    },
  };
}
