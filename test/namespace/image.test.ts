import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { compileFor } from '../../deploy/image/compile.ts';
import { buildImages, IMAGE_NAMES, type ImageName, readCheckout } from '../../deploy/image/images.ts';
import { type ImageConfiguration, readImage, unpackRoot } from '../deploy/image-file.ts';
import { run, runOrThrow, start } from '../support/child-process.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { useAddresses } from '../support/namespace.ts';
import { ROOT } from '../support/test-files.ts';

interface Container {
  readonly root: string;
  readonly configuration: ImageConfiguration['config'];
}

const DNS = '198.51.100.53';
const folder = mkdtempSync(join(tmpdir(), 'isthmus-container-'));
const mounted: string[] = [];
const containers = new Map<ImageName, Container>();

async function mount(place: string, ...args: readonly string[]): Promise<void> {
  await runOrThrow('mount', [...args, place]);
  mounted.push(place);
}

/** As a container engine makes it: /proc, /dev, the resolver's settings, two volumes, and nothing else that can be written. */
async function makeContainer(image: ImageName, file: string): Promise<Container> {
  const unpacked = readImage(file, join(folder, `${image}-layout`));
  const root = join(folder, image);
  unpackRoot(unpacked, root);
  for (const name of ['proc', 'dev']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'etc/resolv.conf'), `nameserver ${DNS}\n`);
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n198.51.100.77 written.example\n');
  await mount(root, '--bind', root);
  await runOrThrow('mount', ['-o', 'remount,ro,bind', root]);
  await mount(join(root, 'proc'), '-t', 'proc', 'proc');
  await mount(join(root, 'dev'), '--bind', '/dev');
  for (const volume of ['var/lib/isthmus', 'var/spool/isthmus']) {
    await mount(join(root, volume), '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs');
  }
  return { root, configuration: unpacked.configuration.config };
}

function commandIn(image: ImageName, program: readonly string[]): [string, string[]] {
  const container = containers.get(image);
  if (container === undefined) throw new Error(`${image} was not built`);
  const { root, configuration } = container;
  const { User, Env } = configuration;
  // Nothing of this process's environment.
  return ['env', ['-i', ...Env, 'POD_UID=pod-1', '/usr/sbin/chroot', `--userspec=${User}`, root, ...program]];
}

const entrypoint = (image: ImageName): readonly string[] => containers.get(image)?.configuration.Entrypoint ?? [];

beforeAll(async () => {
  await useAddresses([DNS]);
  const { ok, output } = compileFor(ROOT, IMAGE_NAMES);
  if (!ok) throw new Error(output);
  const built = await buildImages(readCheckout(ROOT), IMAGE_NAMES, { folder, tag: 'test' });
  for (const [at, image] of IMAGE_NAMES.entries()) {
    containers.set(image, await makeContainer(image, built[at]?.file ?? ''));
  }
}, 120_000);

afterAll(async () => {
  for (const place of mounted.toReversed()) await runOrThrow('umount', [place]);
  rmSync(folder, { recursive: true, force: true });
});

describe.each(IMAGE_NAMES)('in the container of the %s', (image) => {
  const evaluate = async (code: string): Promise<unknown> => {
    const [command, args] = commandIn(image, ['/usr/local/bin/node', '--input-type=module', '-e', code]);
    return JSON.parse(await runOrThrow(command, args));
  };

  it('Node runs as a user without rights, and writes nowhere but into volumes', async () => {
    const code = `
      import { writeFileSync } from 'node:fs';
      import { userInfo } from 'node:os';
      const write = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
      const places = ['/x', '/opt/isthmus/x', '/tmp/x', '/var/lib/isthmus/x', '/var/spool/isthmus/x'];
      console.log(JSON.stringify({ user: userInfo().username, uid: process.getuid(), places: places.map(write) }));`;
    const places = ['EROFS', 'EROFS', 'EROFS', 'written', 'written'];
    expect(await evaluate(code)).toEqual({ user: 'isthmus', uid: 65532, places });
  });

  it("names are found by the system's resolver: in /etc/hosts, then in DNS", async () => {
    const dns = await startDnsServer({ address: DNS, port: 53, zones: { 'world.example': 'mx A 198.51.100.7' } });
    onTestFinished(() => dns.stop());
    const code = `
      import { lookup } from 'node:dns/promises';
      const names = ['written.example', 'mx.world.example', 'nobody.world.example'];
      const found = names.map((name) => lookup(name).then(({ address }) => address, ({ code }) => code));
      console.log(JSON.stringify(await Promise.all(found)));`;
    expect(await evaluate(code)).toEqual(['198.51.100.77', '198.51.100.7', 'ENOTFOUND']);
  });
});

it('the relay answers its probes before it has a configuration, and ends when it is told to', async () => {
  const relay = start(...commandIn('relay', entrypoint('relay')));
  onTestFinished(async () => void (await relay.stop()));
  await relay.waitForPort('127.0.0.1', 9090);
  expect((await fetch('http://127.0.0.1:9090/livez')).status).toBe(200);
  expect((await fetch('http://127.0.0.1:9090/readyz')).status).toBe(503);
  expect(await relay.stop()).toBe(0);
});

it('the operator finds every part of itself, and says how it is started', async () => {
  const [command, args] = commandIn('operator', entrypoint('operator'));
  const { code, stderr } = await run(command, args);
  expect(stderr).toContain('--settings FILE');
  expect(code).toBe(2);
});
