/** `kubectl isthmus …` as a user runs it: status and check, against a real API server. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { dkimSecret, FLEET, KINDS, LETTER, PATIENCE, type Plugin, ruleOf, SAMPLES, startPlugin } from './plugin.ts';

let plugin: Plugin;

beforeAll(async () => {
  plugin = await startPlugin();
}, 600_000);

afterAll(() => plugin?.stop());

describe('kubectl isthmus', PATIENCE, () => {
  it('says what to do where Isthmus is not installed', async () => {
    for (const args of [['status'], ['check'], ['explain', ...LETTER, 'x@shared.example']]) {
      const { code, stdout, stderr } = await plugin.isthmus(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^kubectl isthmus: this cluster does not know the kinds of isthmus\.dev\/v1alpha1\n/);
      expect(stderr).toContain('\ninstall the chart first: helm install isthmus ');
    }
  });

  describe('with the kinds installed', () => {
    beforeAll(() => plugin.installKinds(), 120_000);

    it('lists its commands, and the options of each', async () => {
      const all = await plugin.isthmus([]);
      expect(all.code).toBe(2);
      expect(all.stdout).toContain('kubectl isthmus status');
      for (const command of ['status', 'check', 'explain']) {
        const { code, stdout } = await plugin.isthmus([command, '--help']);
        expect(code).toBe(0);
        expect(stdout).toMatch(new RegExp(`^usage: kubectl isthmus ${command} \\[`));
        expect(stdout).toMatch(/^ {2}-n, --namespace NAME /m);
      }
    });

    it('says that there is nothing', async () => {
      const { code, stdout } = await plugin.isthmus(['status']);
      expect(stdout).toBe(
        'There is nothing of Isthmus in namespace default. -A looks in all namespaces, -n in another.\n',
      );
      expect(code).toBe(1);
    });

    it('says that no operator has looked, and that all is ready once it says so', async () => {
      await plugin.namespace('looked-at', FLEET);
      const before = await plugin.isthmus(['status', '-n', 'looked-at']);
      expect(before.stdout).toContain(
        'No operator has looked at it: is it installed, and does it watch this namespace?',
      );
      expect(before.stdout).toMatch(
        /^ {2}\? tenant2 +tenant2\.example +mail-a\.tenant2\.example:25 \+1 +Verified +Unobserved/m,
      );
      expect(before.code).toBe(1);
      const items = JSON.parse(
        await plugin.plane.kubectlOrThrow(['get', 'isthmus', '-n', 'looked-at', '-o', 'json']),
      ) as {
        items: { kind: string; metadata: { name: string } }[];
      };
      for (const { kind, metadata } of items.items) {
        const lastTransitionTime = new Date().toISOString();
        const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: 'It works.' };
        const status = { observedGeneration: 1, conditions: [{ ...ready, lastTransitionTime, observedGeneration: 1 }] };
        await plugin.plane.kubectlOrThrow([
          ...['patch', `${kind}.isthmus.dev`, metadata.name, '-n', 'looked-at', '--subresource', 'status'],
          ...['--type', 'merge', '-p', JSON.stringify({ status })],
        ]);
      }
      const after = await plugin.isthmus(['status', '-n', 'looked-at']);
      expect(after.stdout).toMatch(/^✓ 7 objects in namespace looked-at, all ready\n/);
      expect(after.code).toBe(0);
      const json = JSON.parse((await plugin.isthmus(['status', '-n', 'looked-at', '-o', 'json'])).stdout) as unknown;
      expect(json).toMatchObject({ ready: true, objects: { length: 7 } });
      const everywhere = await plugin.isthmus(['status', '-A', '-o', 'wide']);
      expect(everywhere.stdout).toMatch(/^ {2}✓ looked-at +default +0\/3 /m);
    });

    it('shows what may be read, and names what may not', async () => {
      await plugin.plane.kubectlOrThrow(['create', 'namespace', 'guarded']);
      const some = await plugin.reader('guarded', 'some', KINDS.slice(0, 3));
      const { code, stdout } = await plugin.isthmus(['status'], { kubeconfig: some });
      expect(stdout).toContain('✗ Rewrite rules are not shown\n');
      expect(stdout).toMatch(/you may not list rewriterules in namespace guarded: .*ClusterRole isthmus-view/);
      expect(code).toBe(1);
      const check = await plugin.isthmus(['check'], { kubeconfig: some });
      expect(check.stderr).toMatch(/^kubectl isthmus: you may not list rewriterules in namespace guarded: /);
      expect(check.code).toBe(2);
    });

    it('says that the API server cannot be reached', async () => {
      const closed = join(plugin.folder, 'closed.kubeconfig');
      const port = await freePort();
      const text = readFileSync(plugin.plane.kubeconfig, 'utf8').replace(
        plugin.plane.server,
        `https://127.0.0.1:${port}`,
      );
      writeFileSync(closed, text);
      const { code, stderr } = await plugin.isthmus(['status', '--kubeconfig', closed]);
      expect(stderr).toMatch(/^kubectl isthmus: the API server cannot be reached: .*\nkubectl cluster-info says/);
      expect(code).toBe(2);
    });

    describe('check', () => {
      it('says what is wrong by namespace, kind and name, and is content when it is put right', async () => {
        await plugin.namespace('wrong', FLEET);
        const wrong = await plugin.isthmus(['check', '-n', 'wrong']);
        expect(wrong.stdout).toMatch(
          /^wrong\/SharedDomain\/shared: error: spec\.dkim\[0\]\.secretRef: Secret "shared-dkim" /m,
        );
        expect(wrong.stdout).toMatch(/^wrong\/RelayFleet\/default: note: nothing runs yet: /m);
        expect(wrong.code).toBe(1);
        await plugin.plane.apply(dkimSecret(), '-n', 'wrong');
        const right = await plugin.isthmus(['check', '-n', 'wrong']);
        expect(right.stdout).toMatch(/^7 resources, 0 errors, 0 warnings$/m);
        expect(right.code).toBe(0);
        const everywhere = await plugin.isthmus(['check', '-A', '-o', 'json']);
        expect(JSON.parse(everywhere.stdout)).toMatchObject({ problems: expect.any(Array) });
      });

      it('says which Secret it may not read, and checks the rest', async () => {
        await plugin.namespace('secretive', FLEET, dkimSecret());
        const kubeconfig = await plugin.reader('secretive', 'curious', [...KINDS, 'configmaps']);
        const { code, stdout } = await plugin.isthmus(['check'], { kubeconfig });
        expect(stdout).toMatch(
          /^secretive\/SharedDomain\/shared: warning: Secret "shared-dkim" could not be read \(you may not read it\)/m,
        );
        expect(stdout).toMatch(/^7 resources, 0 errors, 1 warning$/m);
        expect(code).toBe(0);
        expect((await plugin.isthmus(['check', '--strict'], { kubeconfig })).code).toBe(1);
      });

      it('says what would become of files: what is new, what changes hands, what is refused', async () => {
        await plugin.namespace('overlaid', FLEET, dkimSecret());
        const files = join(plugin.folder, 'overlay');
        mkdirSync(files);
        writeFileSync(join(files, 'john.yaml'), ruleOf('john', 'tenant1', 'jim@tenant1.example', 'jim@shared.example'));
        writeFileSync(
          join(files, 'heir.yaml'),
          ruleOf('heir', 'tenant2', 'j@tenant2.example', 'john.smith@shared.example'),
        );
        const fine = await plugin.isthmus(['check', '-n', 'overlaid', '-f', files]);
        expect(fine.stdout).toMatch(/heir\.yaml:1: note: RewriteRule heir: would be new in namespace overlaid$/m);
        expect(fine.stdout).toMatch(/john\.yaml:1: note: RewriteRule john: would change in namespace overlaid$/m);
        expect(fine.stdout).toMatch(
          /^overlaid\/RewriteRule\/john: note: would no longer hold john\.smith@shared\.example: RewriteRule heir would$/m,
        );
        expect(fine.stdout).toMatch(/^2 resources, 0 errors, 0 warnings$/m);
        expect(fine.code).toBe(0);
        const thief = ruleOf('thief', 'tenant2', 'a@tenant2.example', 'alice.adams@shared.example');
        const held = await plugin.isthmus(['check', '-n', 'overlaid', '-f', '-'], { input: thief });
        expect(held.stdout).toMatch(
          /^standard input:8: error: RewriteRule thief: spec\.addresses\[0\]: alice\.adams@shared\.example is held by RewriteRule "tenant1-users"/m,
        );
        expect(held.code).toBe(1);
        const moved = readFileSync(join(SAMPLES, 'shared-domain.yaml'), 'utf8').replace(
          'domain: shared',
          'domain: other',
        );
        const refused = await plugin.isthmus(['check', '-n', 'overlaid', '-f', '-'], { input: moved });
        expect(refused.stdout).toMatch(
          /^standard input:7: error: SharedDomain shared: spec\.domain: cannot be changed: /m,
        );
        expect(refused.stdout).toMatch(/^1 resource, 1 error, /m);
        const server = await plugin.plane.kubectl(
          ['apply', '--server-side', '--dry-run=server', '-n', 'overlaid', '-f', '-'],
          {
            input: moved,
          },
        );
        expect(server.stderr).toMatch(/spec\.domain: Invalid value: .*: cannot be changed: /);
      });

      it('names what files break that are in another file, and leaves out what was broken before', async () => {
        await plugin.namespace('broken', FLEET);
        const away =
          'apiVersion: isthmus.dev/v1alpha1\nkind: TenantRoute\nmetadata: {name: tenant2}\nspec:\n  sharedDomainRefs: [{name: elsewhere}]\n  nextHop: {mxOf: a.example}\n';
        const { code, stdout } = await plugin.isthmus(['check', '-n', 'broken', '-f', '-'], { input: away });
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
        const { code, stderr } = await plugin.isthmus(['check', '-n', 'overlaid', '-f', '-'], { input });
        expect(stderr).toMatch(/standard input:1: RelayFleet default is of namespace other, not of overlaid\n/);
        expect(code).toBe(2);
      });
    });
  });
});
