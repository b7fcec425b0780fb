/** What people read first: every link leads somewhere, every npm command exists, and no kubectl command lands in another namespace. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, ROOT } from '../support/test-files.ts';

const PAGES = filesBelow('.', ['.md']).filter((path) => !path.startsWith('test/'));
const LINK = /\]\(([^)\s]+)\)/g;
const HEADING = /^#+ (.*)$/gm;
const FENCE = /^ *```[a-z]*\n([^]*?)^ *```$/gm;
const NPM_SCRIPT = /npm run (?:-s )?([a-z:]+)/g;
/** Writes or waits for what lives in a namespace; CRDs, folders that name their own and dry runs do not. */
const NAMESPACED =
  /^\s*(?:\$ )?(?:kubectl (?:create secret|apply|wait|delete|patch|logs|get isthmus)|kubectl isthmus) .*$/gm;
const ELSEWHERE = /--dry-run|-f crds\/generated|-f deploy\/(?:argocd|flux)|-k deploy|delete crd|--help/;

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const examples = (path: string) => [...read(path).matchAll(FENCE)].map((match) => match[1] ?? '').join('');
const firsts = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** As GitHub names a heading in an address. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .trim()
    .replaceAll(' ', '-');

function leadsNowhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !firsts(read(target), HEADING).map(slug).includes(anchor);
}

it('finds the pages', () => {
  expect(PAGES).toContain('README.md');
  expect(PAGES).toContain('deploy/samples/two-tenants/README.md');
  expect(PAGES.length).toBeGreaterThan(15);
});

describe.each(PAGES)('%s', (page) => {
  it('has no link that leads nowhere', () => {
    const links = firsts(read(page), LINK).filter((link) => !/^[a-z]+:/.test(link));
    expect(links.filter((link) => leadsNowhere(page, link))).toEqual([]);
  });

  it('names no npm command that does not exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(firsts(read(page), NPM_SCRIPT).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('says the namespace in every command that needs one', () => {
    const commands = (examples(page).match(NAMESPACED) ?? []).filter((line) => !ELSEWHERE.test(line));
    expect(commands.filter((line) => !/ (?:-n|--namespace) /.test(line))).toEqual([]);
  });
});
