/** `kubectl isthmus …` where a configuration is in force: it holds the names, and explain tells it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dkimSecret, FLEET, KINDS, LETTER, PATIENCE, type Plugin, ruleOf, samples, startPlugin } from './plugin.ts';
import { publish } from './published.ts';

let plugin: Plugin;

describe('kubectl isthmus, with a configuration in force', PATIENCE, () => {
  const old = ruleOf('zoe', 'tenant2', 'zoe@tenant2.example', 'zoe.z@shared.example');
  let revision: string;

  beforeAll(async () => {
    plugin = await startPlugin();
    await plugin.installKinds();
    const dkim = dkimSecret();
    await plugin.namespace('running', FLEET, dkim);
    revision = await publish({
      kubeconfig: plugin.plane.kubeconfig,
      namespace: 'running',
      manifests: [samples(), FLEET, dkim, old].join('\n---\n'),
    });
  }, 600_000);
  afterAll(() => plugin?.stop());

  it('lets who runs keep a name that an older object claims', async () => {
    const anna = ruleOf('anna', 'tenant1', 'z@tenant1.example', 'zoe.z@shared.example');
    await plugin.plane.apply(anna, '-n', 'running');
    await plugin.plane.apply(old, '-n', 'running');
    const { code, stdout } = await plugin.isthmus(['check', '-n', 'running']);
    expect(stdout).toMatch(
      /^running\/RewriteRule\/anna: error: .*zoe\.z@shared\.example is held by RewriteRule "zoe"/m,
    );
    expect(stdout).not.toContain('nothing runs yet');
    expect(code).toBe(1);
    await plugin.plane.kubectlOrThrow(['delete', 'rewriterule', 'anna', 'zoe', '-n', 'running']);
  });

  it('tells a message by the resources, by what runs, and by files that are not applied', async () => {
    const about = ['explain', '-n', 'running', ...LETTER];
    await plugin.plane.apply(
      ruleOf('john', 'tenant1', 'jim@tenant1.example', 'john.smith@shared.example'),
      '-n',
      'running',
    );
    const resources = await plugin.isthmus([...about, 'john.smith@shared.example']);
    expect(resources.stdout).toContain('Goes out as <jim@tenant1.example>.');
    expect(resources.stdout).toContain(
      '\nTold from the resources in namespace running; --running tells what the pods run now.\n',
    );
    expect(resources.stdout).toContain('\nThe pods run otherwise: RewriteRule john, RewriteRule zoe.\n');
    expect(resources.code).toBe(0);
    const running = await plugin.isthmus([...about, 'john.smith@shared.example', '--running']);
    expect(running.stdout).toContain('Goes out as <john.smith@tenant1.example>.');
    expect(running.stdout).toContain(`\nTold from what RelayFleet default runs now, revision ${revision}.\n`);
    const input = ruleOf('john', 'tenant1', 'joe@tenant1.example', 'john.smith@shared.example');
    const files = await plugin.isthmus([...about, 'john.smith@shared.example', '-f', '-'], { input });
    expect(files.stdout).toContain('Goes out as <joe@tenant1.example>.');
    expect(files.stdout).toContain('\nTold from the files over namespace running; ');
  });

  it('tells what a user who may not read Secrets may know', async () => {
    const kubeconfig = await plugin.reader('running', 'curious', [...KINDS, 'configmaps']);
    const about = ['explain', ...LETTER, 'ben.baker@shared.example'];
    const resources = await plugin.isthmus(about, { kubeconfig });
    expect(resources.stdout).toContain('Goes out as <bbaker@tenant1.example>.');
    expect(resources.stdout).toContain('Secret shared-dkim may not be read by you: told as if it held a good key.');
    const running = await plugin.isthmus([...about, '--running'], { kubeconfig });
    expect(running.stdout).toContain('Goes out as <bbaker@tenant1.example>.');
    expect(running.stdout).toContain('You may not read its Secrets: rules whose tables are in Secrets are left out.');
    const check = await plugin.isthmus(['check'], { kubeconfig });
    expect(check.stdout).toContain('running/RelayFleet/default: note: you may not read its Secrets: ');
    expect(check.code).toBe(0);
  });

  it('says that nothing runs', async () => {
    await plugin.namespace('waiting', FLEET);
    const { code, stderr } = await plugin.isthmus([
      'explain',
      '-n',
      'waiting',
      '--running',
      ...LETTER,
      'a@shared.example',
    ]);
    expect(stderr).toMatch(/nothing runs in RelayFleet waiting\/default: no operator has published a configuration\n/);
    expect(code).toBe(2);
  });
});
