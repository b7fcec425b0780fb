/** `kubectl isthmus …` as a user runs it: kubectl finds the plugin in PATH, and the plugin asks a real API server. */

import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPrograms } from '../cluster/build.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/daemon.ts';
import { run } from '../support/child-process.ts';
import { freePort } from '../support/free-port.ts';
import { ROOT } from '../support/test-files.ts';
import { publish } from './published.ts';

const SAMPLES = join(ROOT, 'deploy/samples/two-tenants');
const FLEET =
  'apiVersion: isthmus.dev/v1alpha1\nkind: RelayFleet\nmetadata: {name: default}\nspec: {hostname: relay.shared.example}\n';
const LETTER = ['--client', '203.0.113.20', '--tls', '--from', 'mary.jones@tenant2.example', '--to'];

const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubectl-'));
let plane: ControlPlane;
let kubectl: string;

/** `kubectl isthmus ARGS`, as the administrator unless a kubeconfig of somebody else's is given. */
async function isthmus(args: readonly string[], options: { kubeconfig?: string; input?: string } = {}) {
  const path = [join(folder, 'bin'), dirname(process.execPath), process.env['PATH']].join(':');
  const env = { PATH: path, KUBECONFIG: options.kubeconfig ?? plane.kubeconfig };
  return run(kubectl, ['isthmus', ...args], { env, cwd: folder, input: options.input ?? '' });
}

const samples = () =>
  readdirSync(SAMPLES)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => readFileSync(join(SAMPLES, file), 'utf8'))
    .join('\n---\n');

function dkimSecret(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'shared-dkim' },
    stringData: { 'private.key': key },
  });
}

/** A namespace with the samples in it. */
async function namespace(name: string, ...more: readonly string[]): Promise<void> {
  await plane.kubectlOrThrow(['create', 'namespace', name]);
  await plane.apply([samples(), ...more].join('\n---\n'), '-n', name);
}

/** The kubeconfig of somebody who may only read these, in this namespace. */
async function reader(home: string, name: string, resources: readonly string[]): Promise<string> {
  await plane.kubectlOrThrow(['create', 'serviceaccount', name, '-n', home]);
  if (resources.length > 0) {
    await plane.kubectlOrThrow([
      ...['create', 'role', name, '-n', home, '--verb', 'get,list'],
      ...resources.flatMap((resource) => ['--resource', resource]),
    ]);
    const subject = `--serviceaccount=${home}:${name}`;
    await plane.kubectlOrThrow(['create', 'rolebinding', name, '-n', home, '--role', name, subject]);
  }
  return plane.tokenFor(home, name);
}

const KINDS = ['relayfleets', 'shareddomains', 'tenantroutes', 'rewriterules'].map((kind) => `${kind}.isthmus.dev`);

const ruleOf = (name: string, tenant: string, internal: string, external: string) =>
  `apiVersion: isthmus.dev/v1alpha1
kind: RewriteRule
metadata: {name: ${name}}
spec:
  sharedDomainRef: {name: shared}
  tenantRouteRef: {name: ${tenant}}
  addresses:
    - {internal: ${internal}, external: ${external}}
`;

beforeAll(async () => {
  mkdirSync(join(folder, 'bin'));
  chmodSync(join(ROOT, 'cli/kubectl-isthmus.mjs'), 0o755);
  symlinkSync(join(ROOT, 'cli/kubectl-isthmus.mjs'), join(folder, 'bin', 'kubectl-isthmus'));
  kubectl = (await buildPrograms(['kubectl'])).kubectl;
  plane = await startControlPlane();
}, 600_000);

afterAll(async () => {
  await plane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Each question starts kubectl, the launcher and the program: seconds on a loaded machine. */
const PATIENCE = { timeout: 120_000 };

describe('kubectl isthmus', PATIENCE, () => {
  it('says what to do where Isthmus is not installed', async () => {
    for (const args of [['status'], ['check'], ['explain', ...LETTER, 'x@shared.example']]) {
      const { code, stdout, stderr } = await isthmus(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^kubectl isthmus: this cluster does not know the kinds of isthmus\.dev\/v1alpha1\n/);
      expect(stderr).toContain('\ninstall the chart first: helm install isthmus ');
    }
  });

  describe('with the kinds installed', () => {
    beforeAll(async () => {
      const crds = readdirSync(join(ROOT, 'crds/generated'));
      await plane.apply(crds.map((file) => readFileSync(join(ROOT, 'crds/generated', file), 'utf8')).join('\n---\n'));
      await plane.kubectlOrThrow(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
      // A kind is served a moment after it is established.
      await until('the kinds are served', async () => (await plane.kubectl(['get', 'isthmus', '-A'])).code === 0);
    }, 120_000);

    it('lists its commands, and the options of each', async () => {
      const all = await isthmus([]);
      expect(all.code).toBe(2);
      expect(all.stdout).toContain('kubectl isthmus status');
      for (const command of ['status', 'check', 'explain']) {
        const { code, stdout } = await isthmus([command, '--help']);
        expect(code).toBe(0);
        expect(stdout).toMatch(new RegExp(`^usage: kubectl isthmus ${command} \\[`));
        expect(stdout).toMatch(/^ {2}-n, --namespace NAME /m);
      }
    });

    it('says that there is nothing', async () => {
      const { code, stdout } = await isthmus(['status']);
      expect(stdout).toBe(
        'There is nothing of Isthmus in namespace default. -A looks in all namespaces, -n in another.\n',
      );
      expect(code).toBe(1);
    });

    it('says that no operator has looked, and that all is ready once it says so', async () => {
      await namespace('looked-at', FLEET);
      const before = await isthmus(['status', '-n', 'looked-at']);
      expect(before.stdout).toContain(
        'No operator has looked at it: is it installed, and does it watch this namespace?',
      );
      expect(before.stdout).toMatch(
        /^ {2}\? tenant2 +tenant2\.example +mail-a\.tenant2\.example:25 \+1 +Verified +Unobserved/m,
      );
      expect(before.code).toBe(1);
      const items = JSON.parse(await plane.kubectlOrThrow(['get', 'isthmus', '-n', 'looked-at', '-o', 'json'])) as {
        items: { kind: string; metadata: { name: string } }[];
      };
      for (const { kind, metadata } of items.items) {
        const lastTransitionTime = new Date().toISOString();
        const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: 'It works.' };
        const status = { observedGeneration: 1, conditions: [{ ...ready, lastTransitionTime, observedGeneration: 1 }] };
        await plane.kubectlOrThrow([
          ...['patch', `${kind}.isthmus.dev`, metadata.name, '-n', 'looked-at', '--subresource', 'status'],
          ...['--type', 'merge', '-p', JSON.stringify({ status })],
        ]);
      }
      const after = await isthmus(['status', '-n', 'looked-at']);
      expect(after.stdout).toMatch(/^✓ 7 objects in namespace looked-at, all ready\n/);
      expect(after.code).toBe(0);
      const json = JSON.parse((await isthmus(['status', '-n', 'looked-at', '-o', 'json'])).stdout) as unknown;
      expect(json).toMatchObject({ ready: true, objects: { length: 7 } });
      const everywhere = await isthmus(['status', '-A', '-o', 'wide']);
      expect(everywhere.stdout).toMatch(/^ {2}✓ looked-at +default +0\/3 /m);
    });

    it('shows what may be read, and names what may not', async () => {
      await plane.kubectlOrThrow(['create', 'namespace', 'guarded']);
      const some = await reader('guarded', 'some', KINDS.slice(0, 3));
      const { code, stdout } = await isthmus(['status'], { kubeconfig: some });
      expect(stdout).toContain('✗ Rewrite rules are not shown\n');
      expect(stdout).toMatch(/you may not list rewriterules in namespace guarded: .*ClusterRole isthmus-view/);
      expect(code).toBe(1);
      const check = await isthmus(['check'], { kubeconfig: some });
      expect(check.stderr).toMatch(/^kubectl isthmus: you may not list rewriterules in namespace guarded: /);
      expect(check.code).toBe(2);
    });

    it('says that the API server cannot be reached', async () => {
      const closed = join(folder, 'closed.kubeconfig');
      const port = await freePort();
      const text = readFileSync(plane.kubeconfig, 'utf8').replace(plane.server, `https://127.0.0.1:${port}`);
      writeFileSync(closed, text);
      const { code, stderr } = await isthmus(['status', '--kubeconfig', closed]);
      expect(stderr).toMatch(/^kubectl isthmus: the API server cannot be reached: .*\nkubectl cluster-info says/);
      expect(code).toBe(2);
    });

    describe('check', () => {
      it('says what is wrong by namespace, kind and name, and is content when it is put right', async () => {
        await namespace('wrong', FLEET);
        const wrong = await isthmus(['check', '-n', 'wrong']);
        expect(wrong.stdout).toMatch(
          /^wrong\/SharedDomain\/shared: error: spec\.dkim\[0\]\.secretRef: Secret "shared-dkim" /m,
        );
        expect(wrong.stdout).toMatch(/^wrong\/RelayFleet\/default: note: nothing runs yet: /m);
        expect(wrong.code).toBe(1);
        await plane.apply(dkimSecret(), '-n', 'wrong');
        const right = await isthmus(['check', '-n', 'wrong']);
        expect(right.stdout).toMatch(/^7 resources, 0 errors, 0 warnings$/m);
        expect(right.code).toBe(0);
        const everywhere = await isthmus(['check', '-A', '-o', 'json']);
        expect(JSON.parse(everywhere.stdout)).toMatchObject({ problems: expect.any(Array) });
      });

      it('says which Secret it may not read, and checks the rest', async () => {
        await namespace('secretive', FLEET, dkimSecret());
        const kubeconfig = await reader('secretive', 'curious', [...KINDS, 'configmaps']);
        const { code, stdout } = await isthmus(['check'], { kubeconfig });
        expect(stdout).toMatch(
          /^secretive\/SharedDomain\/shared: warning: Secret "shared-dkim" could not be read \(you may not read it\)/m,
        );
        expect(stdout).toMatch(/^7 resources, 0 errors, 1 warning$/m);
        expect(code).toBe(0);
        expect((await isthmus(['check', '--strict'], { kubeconfig })).code).toBe(1);
      });

      it('says what would become of files: what is new, what changes hands, what is refused', async () => {
        await namespace('overlaid', FLEET, dkimSecret());
        const files = join(folder, 'overlay');
        mkdirSync(files);
        writeFileSync(join(files, 'john.yaml'), ruleOf('john', 'tenant1', 'jim@tenant1.example', 'jim@shared.example'));
        writeFileSync(
          join(files, 'heir.yaml'),
          ruleOf('heir', 'tenant2', 'j@tenant2.example', 'john.smith@shared.example'),
        );
        const fine = await isthmus(['check', '-n', 'overlaid', '-f', files]);
        expect(fine.stdout).toMatch(/heir\.yaml:1: note: RewriteRule heir: would be new in namespace overlaid$/m);
        expect(fine.stdout).toMatch(/john\.yaml:1: note: RewriteRule john: would change in namespace overlaid$/m);
        expect(fine.stdout).toMatch(
          /^overlaid\/RewriteRule\/john: note: would no longer hold john\.smith@shared\.example: RewriteRule heir would$/m,
        );
        expect(fine.stdout).toMatch(/^2 resources, 0 errors, 0 warnings$/m);
        expect(fine.code).toBe(0);
        const thief = ruleOf('thief', 'tenant2', 'a@tenant2.example', 'alice.adams@shared.example');
        const held = await isthmus(['check', '-n', 'overlaid', '-f', '-'], { input: thief });
        expect(held.stdout).toMatch(
          /^standard input:8: error: RewriteRule thief: spec\.addresses\[0\]: alice\.adams@shared\.example is held by RewriteRule "tenant1-users"/m,
        );
        expect(held.code).toBe(1);
        const moved = readFileSync(join(SAMPLES, 'shared-domain.yaml'), 'utf8').replace(
          'domain: shared',
          'domain: other',
        );
        const refused = await isthmus(['check', '-n', 'overlaid', '-f', '-'], { input: moved });
        expect(refused.stdout).toMatch(
          /^standard input:7: error: SharedDomain shared: spec\.domain: cannot be changed: /m,
        );
        expect(refused.stdout).toMatch(/^1 resource, 1 error, /m);
        const server = await plane.kubectl(
          ['apply', '--server-side', '--dry-run=server', '-n', 'overlaid', '-f', '-'],
          {
            input: moved,
          },
        );
        expect(server.stderr).toMatch(/spec\.domain: Invalid value: .*: cannot be changed: /);
      });

      it('names what files break that are in another file, and leaves out what was broken before', async () => {
        await namespace('broken', FLEET);
        const away =
          'apiVersion: isthmus.dev/v1alpha1\nkind: TenantRoute\nmetadata: {name: tenant2}\nspec:\n  sharedDomainRefs: [{name: elsewhere}]\n  nextHop: {mxOf: a.example}\n';
        const { code, stdout } = await isthmus(['check', '-n', 'broken', '-f', '-'], { input: away });
        expect(stdout).toMatch(
          /^standard input:5: error: TenantRoute tenant2: spec\.sharedDomainRefs\[0\]\.name: .*elsewhere/m,
        );
        expect(stdout).toMatch(/^broken\/RewriteRule\/tenant2: error: /m);
        expect(stdout).not.toContain('shared-dkim');
        expect(stdout).toMatch(/^note: not shown: 1 problem of before; check without -f$/m);
        expect(code).toBe(1);
      });

      it('keeps a file of another namespace out', async () => {
        const input = FLEET.replace('{name: default}', '{name: default, namespace: other}');
        const { code, stderr } = await isthmus(['check', '-n', 'overlaid', '-f', '-'], { input });
        expect(stderr).toMatch(/standard input:1: RelayFleet default is of namespace other, not of overlaid\n/);
        expect(code).toBe(2);
      });
    });

    describe('with a configuration in force', () => {
      const old = ruleOf('zoe', 'tenant2', 'zoe@tenant2.example', 'zoe.z@shared.example');
      let revision: string;

      beforeAll(async () => {
        const dkim = dkimSecret();
        await namespace('running', FLEET, dkim);
        revision = await publish({
          kubeconfig: plane.kubeconfig,
          namespace: 'running',
          manifests: [samples(), FLEET, dkim, old].join('\n---\n'),
        });
      });

      it('lets who runs keep a name that an older object claims', async () => {
        const anna = ruleOf('anna', 'tenant1', 'z@tenant1.example', 'zoe.z@shared.example');
        await plane.apply(anna, '-n', 'running');
        await plane.apply(old, '-n', 'running');
        const { code, stdout } = await isthmus(['check', '-n', 'running']);
        expect(stdout).toMatch(
          /^running\/RewriteRule\/anna: error: .*zoe\.z@shared\.example is held by RewriteRule "zoe"/m,
        );
        expect(stdout).not.toContain('nothing runs yet');
        expect(code).toBe(1);
        await plane.kubectlOrThrow(['delete', 'rewriterule', 'anna', 'zoe', '-n', 'running']);
      });

      it('tells a message by the resources, by what runs, and by files that are not applied', async () => {
        const about = ['explain', '-n', 'running', ...LETTER];
        await plane.apply(
          ruleOf('john', 'tenant1', 'jim@tenant1.example', 'john.smith@shared.example'),
          '-n',
          'running',
        );
        const resources = await isthmus([...about, 'john.smith@shared.example']);
        expect(resources.stdout).toContain('Goes out as <jim@tenant1.example>.');
        expect(resources.stdout).toContain(
          '\nTold from the resources in namespace running; --running tells what the pods run now.\n',
        );
        expect(resources.code).toBe(0);
        const running = await isthmus([...about, 'john.smith@shared.example', '--running']);
        expect(running.stdout).toContain('Goes out as <john.smith@tenant1.example>.');
        expect(running.stdout).toContain(`\nTold from what RelayFleet default runs now, revision ${revision}.\n`);
        const input = ruleOf('john', 'tenant1', 'joe@tenant1.example', 'john.smith@shared.example');
        const files = await isthmus([...about, 'john.smith@shared.example', '-f', '-'], { input });
        expect(files.stdout).toContain('Goes out as <joe@tenant1.example>.');
        expect(files.stdout).toContain('\nTold from the files over namespace running; ');
      });

      it('tells what a user who may not read Secrets may know', async () => {
        const kubeconfig = await reader('running', 'curious', [...KINDS, 'configmaps']);
        const about = ['explain', ...LETTER, 'ben.baker@shared.example'];
        const resources = await isthmus(about, { kubeconfig });
        expect(resources.stdout).toContain('Goes out as <bbaker@tenant1.example>.');
        expect(resources.stdout).toContain('Secret shared-dkim may not be read by you: told as if it held a good key.');
        const running = await isthmus([...about, '--running'], { kubeconfig });
        expect(running.stdout).toContain('Goes out as <bbaker@tenant1.example>.');
        expect(running.stdout).toContain(
          'You may not read its Secrets: rules whose tables are in Secrets are left out.',
        );
        const check = await isthmus(['check'], { kubeconfig });
        expect(check.stdout).toContain('running/RelayFleet/default: note: you may not read its Secrets: ');
        expect(check.code).toBe(0);
      });

      it('says that nothing runs', async () => {
        const { code, stderr } = await isthmus([
          'explain',
          '-n',
          'overlaid',
          '--running',
          ...LETTER,
          'a@shared.example',
        ]);
        expect(stderr).toMatch(
          /nothing runs in RelayFleet overlaid\/default: no operator has published a configuration\n/,
        );
        expect(code).toBe(2);
      });
    });
  });
});
