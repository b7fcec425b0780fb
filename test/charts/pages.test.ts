/** The operator's pages name only what there is: files, sections, values of the chart, kinds and settings. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartValues } from '../../charts/values.ts';
import { KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import { ROOT } from '../support/test-files.ts';

const PAGES = ['install', 'gitops', 'operator', 'rbac', 'runbooks', 'alerts'].map((name) => `docs/${name}.md`);
const ALL = [...PAGES, 'charts/isthmus/README.md'];
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** As GitHub names the anchor of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (file: string) => [...read(file).matchAll(/^#+ (.+)$/gm)].map((match) => anchor(match[1] ?? ''));

/** What a page says of this kind, and that is not so. */
const wrong = (find: (text: string, page: string) => readonly string[]) =>
  ALL.flatMap((page) => find(read(page), page).map((what) => `${page}: ${what}`));

describe("the operator's pages", () => {
  it('link to files and sections that there are', () => {
    const links = (text: string) => [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    expect(ALL.flatMap((page) => links(read(page))).length).toBeGreaterThan(20);
    const broken = wrong((text, page) =>
      links(text).flatMap(([link, path = '', section]) => {
        const target = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(ROOT, target))) return [link];
        return section === undefined || anchorsOf(target).includes(section) ? [] : [link];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('name paths of this repository that there are', () => {
    const path =
      /(?<![\w/.])(?:charts|docs|crds|test|deploy(?=\/(?:argocd|flux|image|manifests|samples|Docker)))\/[\w./-]*\w/g;
    const paths = (text: string) => [...text.matchAll(path)].map(([found]) => found);
    expect(ALL.flatMap((page) => paths(read(page))).length).toBeGreaterThan(10);
    expect(wrong((text) => paths(text).filter((found) => !existsSync(join(ROOT, found))))).toEqual([]);
  });

  it('set values that the chart has', () => {
    const values = parse(read('charts/isthmus/values.yaml')) as unknown;
    const has = (name: string) => {
      let at: unknown = values;
      for (const key of name.split('.')) {
        if (typeof at !== 'object' || at === null || !(key in at)) return false;
        at = (at as Record<string, unknown>)[key];
      }
      return true;
    };
    const sets = (text: string) =>
      [...text.matchAll(/--set ([\w.]+)=/g), ...text.matchAll(/`(\w+(?:\.\w+)+)=\w+`/g)].map(([, name = '']) => name);
    expect(ALL.flatMap((page) => sets(read(page))).length).toBeGreaterThan(5);
    expect(wrong((text) => sets(text).filter((name) => !has(name)))).toEqual([]);
  });

  it('ask kubectl for kinds that Kubernetes or this project knows', () => {
    const ours = KINDS.flatMap((kind) => [SCHEMAS[kind].plural, SCHEMAS[kind].singular, SCHEMAS[kind].shortName]);
    const core = ['pods', 'pod', 'events', 'lease', 'secret', 'deployment', 'node', 'crd', 'service', 'configmap'];
    const rights = ['namespace', 'role', 'rolebinding'];
    const known = new Set([...ours, ...core, ...rights, 'isthmus']);
    const asked = (text: string) =>
      [...text.matchAll(/kubectl (?:get|describe|delete) (?!--)([a-z,]+)/g)].flatMap(([, kinds = '']) =>
        kinds.split(','),
      );
    expect(ALL.flatMap((page) => asked(read(page))).length).toBeGreaterThan(10);
    expect(wrong((text) => asked(text).filter((kind) => !known.has(kind)))).toEqual([]);
  });
});

describe('examples of values in docs/install.md', () => {
  const blocks = [...read('docs/install.md').matchAll(/```yaml\n([^]*?)```/g)].map(
    (match) => parse(match[1] ?? '') as object,
  );

  it('fit the schema of the chart, but for the kustomization', () => {
    const given = blocks.filter((block) => !('kind' in block));
    expect(given.length).toBeGreaterThan(0);
    for (const block of given) expect(chartValues.partial().safeParse(block).error).toBeUndefined();
  });
});
