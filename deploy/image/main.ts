/** `npm run image`: the container images of this checkout as files, made without a registry and without a container engine. */

import { chmod, copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compileFor } from './compile.ts';
import type { Entry } from './entry.ts';
import { buildImages, type BuiltImage, IMAGE_NAMES, type ImageName, readCheckout, rootEntries } from './images.ts';

const USAGE = `usage: npm run image -- [--only operator|relay] [--tag TAG] [--output DIR] [--root DIR]

  --only IMAGE   build one of the two
  --tag TAG      instead of the version in package.json
  --output DIR   where isthmus-operator.tar and isthmus-relay.tar go (default build/image)
  --root DIR     write DIR/operator and DIR/relay as plain folders instead, for a Dockerfile's COPY
`;

const ROOT = join(import.meta.dirname, '../..');
const say = (text: string) => process.stdout.write(`${text}\n`);

class UsageError extends Error {}

function readOptions(args: readonly string[]) {
  const string = { type: 'string' } as const;
  const options = { only: string, tag: string, output: string, root: string, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new UsageError(error.message);
    throw error;
  }
}

function chosenImages(only: string | undefined): readonly ImageName[] {
  if (only === undefined) return IMAGE_NAMES;
  const image = IMAGE_NAMES.find((name) => name === only);
  if (image === undefined) throw new UsageError(`--only knows ${IMAGE_NAMES.join(' and ')}, not "${only}"`);
  return [image];
}

/** A path may be given from where the user stands; npm runs scripts in the project's folder and says where that was. */
const fromUser = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);

export async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help === true) {
    say(USAGE);
    return 0;
  }
  if (process.platform !== 'linux') {
    say('Images are built on Linux, from its own Node. Elsewhere: docker build --target relay -f deploy/Dockerfile .');
    return 1;
  }
  const images = chosenImages(options.only);
  const checkout = readCheckout(ROOT);
  const tag = options.tag ?? checkout.version;
  if (!/^\w[\w.-]{0,127}$/.test(tag)) throw new UsageError(`"${tag}" is no tag: letters, digits, "_", "." and "-"`);
  const compiled = compileFor(ROOT, images);
  if (!compiled.ok) {
    say(`${compiled.output}The sources do not compile: see above.`);
    return 1;
  }
  if (options.root !== undefined) {
    for (const image of images) await writeRoot(rootEntries(checkout, image), join(fromUser(options.root), image));
    return 0;
  }
  const folder = options.output === undefined ? join(ROOT, 'build/image') : fromUser(options.output);
  const built = await buildImages(checkout, images, { folder, tag });
  for (const image of built) await tell(image);
  say(howToLoad(built));
  return 0;
}

async function writeRoot(entries: readonly Entry[], root: string): Promise<void> {
  for (const entry of entries) {
    const path = join(root, entry.path);
    await mkdir(dirname(path), { recursive: true });
    switch (entry.kind) {
      case 'folder':
        await mkdir(path, { recursive: true });
        await chmod(path, entry.mode);
        break;
      case 'text':
        await writeFile(path, entry.text);
        break;
      case 'file':
        await copyFile(entry.from, path);
        await chmod(path, entry.executable ? 0o755 : 0o644);
        break;
    }
  }
}

async function tell({ name, file, digest }: BuiltImage): Promise<void> {
  const megabytes = ((await stat(file)).size / 1e6).toFixed(0);
  say(`${name}  ${megabytes} MB  ${digest}\n  ${relative(process.cwd(), file)}`);
}

function howToLoad(images: readonly BuiltImage[]): string {
  const each = (line: (image: BuiltImage, path: string) => string) =>
    images.map((image) => `  ${line(image, relative(process.cwd(), image.file))}`).join('\n');
  const pushed = (name: string) => name.replace(/^localhost\//, 'registry.example/');
  return `
Nothing is published: load them where the pods will run, on every node.

kind:
${each((_, path) => `kind load image-archive ${path}`)}
k3s:
${each((_, path) => `k3s ctr images import ${path}`)}
containerd:
${each((_, path) => `ctr -n k8s.io images import ${path}`)}
docker:
${each((_, path) => `docker load -i ${path}`)}
A registry of your own (then set image.repository and relayImage.repository of the chart to it):
${each(({ name }, path) => `skopeo copy oci-archive:${path} docker://${pushed(name)}`)}
`;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
}
