import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFor } from '../../deploy/image/compile.ts';
import { type BuiltImage, buildImages, IMAGE_NAMES, readCheckout, rootEntries } from '../../deploy/image/images.ts';
import { ROOT } from '../support/test-files.ts';
import { type ImageFile, type LayerEntry, layerEntries, readImage, unpackedDigest } from './image-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-image-'));
const checkout = readCheckout(ROOT);
const built = new Map<string, BuiltImage>();
const files = new Map<string, ImageFile>();

beforeAll(async () => {
  const { ok, output } = compileFor(ROOT, IMAGE_NAMES);
  if (!ok) throw new Error(output);
  const images = await buildImages(checkout, IMAGE_NAMES, { folder, tag: 'test' });
  for (const [at, image] of images.entries()) {
    const name = IMAGE_NAMES[at] ?? '';
    built.set(name, image);
    files.set(name, readImage(image.file, join(folder, name)));
  }
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function imageOf(name: string): ImageFile {
  const file = files.get(name);
  if (file === undefined) throw new Error(`${name} was not built`);
  return file;
}

/** By digest: unpacking Node takes a second, and both images have it. */
const entries = new Map<string, readonly LayerEntry[]>();

function entriesOf(layer: string): readonly LayerEntry[] {
  const found = entries.get(basename(layer)) ?? layerEntries(layer);
  entries.set(basename(layer), found);
  return found;
}

const pathsOf = (name: string): string[] => {
  const { manifest, blobPath } = imageOf(name);
  return manifest.layers.flatMap(({ digest }) => entriesOf(blobPath(digest)).map(({ path }) => path));
};
const packagesOf = (name: string): Set<string> =>
  new Set(pathsOf(name).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/./.exec(path)?.[1] ?? []));

describe.each(IMAGE_NAMES)('the image of the %s', (name) => {
  test('is a complete layout: each blob is what its name says, and nothing is over', () => {
    const { index, manifest, configuration, blobs, blobPath } = imageOf(name);
    for (const [digest, actual] of blobs) expect(actual).toBe(digest);
    const referred = [...index.manifests, manifest.config, ...manifest.layers];
    expect(referred.map(({ digest }) => digest).toSorted()).toEqual([...blobs.keys()].toSorted());
    for (const { digest, size } of referred) expect(readFileSync(blobPath(digest)).length).toBe(size);
    const layers = manifest.layers.map(({ digest }) => unpackedDigest(blobPath(digest)));
    expect(configuration.rootfs.diff_ids).toEqual(layers);
    expect(built.get(name)?.digest).toBe(index.manifests[0]?.digest);
  });

  test('has the name under which containerd and docker look for it', () => {
    const { index, manifest, dockerTable } = imageOf(name);
    expect(index.manifests[0]?.annotations?.['io.containerd.image.name']).toBe(`localhost/isthmus/${name}:test`);
    const path = ({ digest }: { digest: string }) => `blobs/${digest.replace(':', '/')}`;
    expect(dockerTable).toEqual([
      {
        Config: path(manifest.config),
        RepoTags: [`localhost/isthmus/${name}:test`],
        Layers: manifest.layers.map(path),
      },
    ]);
  });

  test('says nothing of the machine: one owner, one time, in order', () => {
    const { manifest, blobPath } = imageOf(name);
    for (const { digest } of manifest.layers) {
      const found = entriesOf(blobPath(digest));
      expect(new Set(found.map(({ owner }) => owner))).toEqual(new Set(['0/0']));
      expect(new Set(found.map(({ time }) => time))).toEqual(new Set(['1970-01-01 00:00:00']));
      const paths = found.map(({ path }) => path.replace(/\/$/, ''));
      expect(paths).toEqual([...new Set(paths)].toSorted());
    }
  });

  test('runs as somebody who is nobody, and starts what is in it', () => {
    const { config } = imageOf(name).configuration;
    expect(config.User).toBe('65532:65532');
    const [node = ''] = config.Entrypoint;
    const entry = config.Entrypoint.at(-1) ?? '';
    expect(pathsOf(name)).toEqual(expect.arrayContaining([node.slice(1), entry.slice(1)]));
  });

  test('is started by the Dockerfile in the same way', () => {
    const { config } = imageOf(name).configuration;
    const stage = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8')
      .split(/^FROM /m)
      .find((text) => text.includes(`AS ${name}\n`));
    const lines = stage?.split('\n') ?? [];
    expect(lines).toContain(`ENTRYPOINT ${JSON.stringify(config.Entrypoint).replaceAll(',', ', ')}`);
    expect(lines).toContain(`USER ${config.User}`);
    expect(lines).toContain(`WORKDIR ${config.WorkingDir}`);
    expect(lines).toContain(`ENV ${config.Env.join(' ')}`);
    const ports = Object.keys(config.ExposedPorts ?? {});
    expect(lines.filter((line) => line.startsWith('EXPOSE'))).toEqual(
      ports.length > 0 ? [`EXPOSE ${ports.join(' ')}`] : [],
    );
    expect(stage).toContain(`title="${config.Labels['org.opencontainers.image.title']}"`);
  });

  test('has no shell, no npm, no sources, and no package that only tests need', () => {
    const paths = pathsOf(name);
    expect(paths.filter((path) => /(^|\/)(sh|bash|npm|npx|corepack)$|\.(ts|map)$/.test(path))).toEqual([]);
    const locked = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, object>;
    const packages = packagesOf(name);
    expect(Object.keys(locked['devDependencies'] ?? {}).filter((each) => packages.has(each))).toEqual([]);
    expect(packages.size).toBeGreaterThan(5);
  });
});

test('the relay does not carry what only the operator needs', () => {
  expect(packagesOf('operator')).toContain('@kubernetes/client-node');
  expect(packagesOf('relay')).not.toContain('@kubernetes/client-node');
  expect(pathsOf('relay').filter((path) => /isthmus\/(operator|crds|cli)\//.test(path))).toEqual([]);
});

test('images are the same when they are built again, in another folder and with nothing kept', async () => {
  const again = mkdtempSync(join(folder, 'again-'));
  const images = await buildImages(checkout, IMAGE_NAMES, {
    folder: again,
    tag: 'test',
    kept: mkdtempSync(join(folder, 'kept-')),
  });
  expect(images.map(({ digest }) => digest)).toEqual(IMAGE_NAMES.map((name) => built.get(name)?.digest));
  expect(readdirSync(again).toSorted()).toEqual(IMAGE_NAMES.map((name) => `isthmus-${name}.tar`));
}, 120_000);

test('both images share the layer with Node, so that a node keeps it once', () => {
  const [operator, relay] = IMAGE_NAMES.map((name) => imageOf(name).manifest.layers.map(({ digest }) => digest));
  expect(relay?.[0]).toBe(operator?.[0]);
  expect(relay?.[1]).not.toBe(operator?.[1]);
});

test('what the Dockerfile copies is what the layers hold', () => {
  const listed = rootEntries(checkout, 'relay').map(({ path }) => path);
  expect(listed).toEqual([...new Set(pathsOf('relay').map((path) => path.replace(/\/$/, '')))].toSorted());
});
