/** The guide for Exchange Online: what it tells people to write is accepted, and what it tells them to run exists. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseExplainCommand } from '../../cli/explain-options.ts';
import { isthmus } from '../support/isthmus.ts';

const GUIDE = fileURLToPath(new URL('../../docs/exchange-online.md', import.meta.url));
const text = readFileSync(GUIDE, 'utf8');
const yaml = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const resources = yaml.filter((block) => block.includes('kind:'));
const fragments = yaml.filter((block) => !block.includes('kind:'));

const folder = mkdtempSync(join(tmpdir(), 'isthmus-guide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function check(manifests: string) {
  writeFileSync(join(folder, 'guide.yaml'), manifests);
  return isthmus(['check', folder]);
}

describe('docs/exchange-online.md', () => {
  it('shows manifests that lack nothing but their Secrets', async () => {
    const { code, stdout } = await check(resources.join('---\n'));
    expect(stdout).toMatch(/^3 resources, 0 errors, 3 warnings$/m);
    expect(stdout.match(/warning: .* Secret "\S+" does not exist/g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  it('shows an authority that the shared domain takes', async () => {
    const [fragment = ''] = fragments;
    expect(fragments).toHaveLength(1);
    const inside = fragment.replaceAll(/^(?=.)/gm, '  ');
    const manifests = resources
      .join('---\n')
      .replace('  domain: shared.example\n', `  domain: shared.example\n${inside}`);
    expect(manifests).toContain('  unresolvedRecipients:\n    action: Route\n');
    expect((await check(manifests)).stdout).toMatch(/^3 resources, 0 errors, 3 warnings$/m);
  });

  it('asks isthmus explain what it can answer', () => {
    const [command = ''] = /isthmus explain [^`]*/.exec(text) ?? [];
    const message = join(folder, 'message.eml');
    writeFileSync(message, 'From: john@tenant1.example\r\n\r\n');
    const args = command.split(' ').slice(2);
    expect(parseExplainCommand(args.map((arg) => (arg === 'message.eml' ? message : arg)))).toMatchObject({
      tenantId: '11111111-2222-3333-4444-555555555555',
      client: { certificate: 'mail.protection.outlook.com', tls: true },
      to: ['you@example.org'],
    });
  });

  it('leads nowhere that does not exist', () => {
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(links).toContain('tracking.md');
    for (const link of links) expect(() => readFileSync(join(dirname(GUIDE), link))).not.toThrow();
  });
});
