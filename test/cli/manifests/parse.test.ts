/** What is wrong in the text of a manifest is said with file, line and field. */

import { describe, expect, test } from 'vitest';
import { formatManifestNote, formatManifestProblem } from '../../../cli/manifests/document.ts';
import { parseManifests } from '../../../cli/manifests/parse.ts';

const DOMAIN = `apiVersion: isthmus.dev/v1alpha1
kind: SharedDomain
metadata:
  name: shared
spec:
  domain: shared.example
`;

function read(...texts: string[]) {
  const files = texts.map((text, index) => ({ name: `${'abc'[index]}.yaml`, text }));
  const { documents, problems, notes } = parseManifests(files);
  return {
    documents: documents.map(({ kind, namespace, name, content }) => `${content.type} ${kind} ${namespace}/${name}`),
    problems: problems.map(formatManifestProblem),
    notes: notes.map(formatManifestNote),
    all: documents,
  };
}

describe('text that is not YAML', () => {
  test.each([
    ['a tab as indentation', 'a:\n\tb: 1', 'a.yaml:2: not YAML: a tab is no indentation in YAML: use spaces'],
    [
      'a key that is there twice',
      'a: 1\nb: 2\na: 3',
      'a.yaml:3: not YAML: the key is there twice in this mapping: remove one',
    ],
    [
      'two colons in one line',
      'a: b: c',
      'a.yaml:1: not YAML: a second colon in one line: put the value in quotes or on a line of its own',
    ],
    [
      'a quote that is not closed',
      'a: "b',
      'a.yaml:1: not YAML: a closing quote or bracket, a comma or a colon is missing',
    ],
    ['a bracket that is not closed', 'a: [b', /^a\.yaml:1: not YAML: .*a bracket is not closed/],
    ['an unknown alias', 'a: *b', 'a.yaml:1: not YAML: an alias (*name) without its anchor (&name)'],
    [
      'an unknown tag',
      'a: !b c',
      'a.yaml:1: not YAML: a tag (!name) that means nothing here: remove it, or put the value in quotes',
    ],
    ['a reserved character', 'a: @b', 'a.yaml:1: not YAML: a value that begins with this character needs quotes'],
    ['a list where a mapping goes on', '- a\nb: c', /^a\.yaml:2: not YAML: /],
    ['a list as a key', '? [a]\n: b', 'a.yaml:1: not YAML: a key must be a plain word'],
    ['a control character', 'a: 1\nb: \u0000', 'a.yaml:2: not YAML: holds a control character: remove it'],
    ['JSON with a comma too much', '{"a": 1,,}', /^a\.yaml:1: not YAML: /],
    [
      'aliases of aliases that would fill the memory',
      [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        ...'bcdefg'.split('').map((l, i) => `${l}: &${l} [${`*${'abcdef'[i]},`.repeat(9)}]`),
      ].join('\n'),
      'a.yaml:1: not YAML: so many aliases (*name) that a small file would fill the memory',
    ],
  ])('%s', (_title, text, message) => {
    const { documents, problems } = read(text);
    expect(documents).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  test('is told without a byte of it, as it may be a key', () => {
    const secret =
      'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  key: |\n    Begin\n  c0ffee: [c0ffee\n';
    for (const cut of Array.from(secret, (_, index) => index)) {
      const { problems } = read(secret.slice(0, cut) + '\t}c0ffee' + secret.slice(cut));
      expect(problems.join('\n')).not.toContain('c0ffee');
    }
  });

  test('leaves the other documents of the file, which count as bad with it, and all of other files', () => {
    const { documents, problems } = read(`${DOMAIN}---\na: "b\n`, DOMAIN.replace('name: shared', 'name: other'));
    expect(documents).toEqual(['resource SharedDomain default/shared', 'resource SharedDomain default/other']);
    expect(problems).toHaveLength(1);
  });
});

describe('a document that is no object we know', () => {
  test.each([
    ['a text', 'hello', ['a.yaml:1: is no object: a manifest begins with apiVersion, kind and metadata']],
    ['a list', '- a\n- b', ['a.yaml:1: is no object: a manifest begins with apiVersion, kind and metadata']],
    [
      'a mapping of something else',
      '# values\nreplicas: 3',
      [
        'a.yaml:2: apiVersion: required, but missing: every object says its apiVersion and kind',
        'a.yaml:2: kind: required, but missing: every object says its apiVersion and kind',
      ],
    ],
    [
      'a misspelt kind',
      DOMAIN.replace('SharedDomain', 'ShardDomain'),
      ['a.yaml:2: kind: "ShardDomain" is no kind of isthmus.dev/v1alpha1; did you mean SharedDomain?'],
    ],
    [
      'a version that does not exist',
      DOMAIN.replace('v1alpha1', 'v1'),
      ['a.yaml:1: apiVersion: must be isthmus.dev/v1alpha1, not "isthmus.dev/v1"'],
    ],
    [
      'our kind in another group',
      DOMAIN.replace('isthmus.dev/v1alpha1', 'v1'),
      ['a.yaml:1: apiVersion: must be isthmus.dev/v1alpha1, not "v1"'],
    ],
    [
      'a Secret of another version',
      'apiVersion: v1beta1\nkind: Secret\nmetadata: {name: x}',
      ['a.yaml:1: apiVersion: Secret is a kind of v1, not of v1beta1'],
    ],
    ['a list without items', 'apiVersion: v1\nkind: List', ['a.yaml:1: items: must be a list of objects']],
  ])('%s is a problem', (_title, text, expected) => {
    expect(read(text).problems).toEqual(expected);
  });

  test.each([
    [
      'another kind',
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: mail}',
      "a.yaml:1: Namespace of v1: left out; only Isthmus' own kinds, Secrets and ConfigMaps are used",
    ],
    [
      'a kustomization by its kind',
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization',
      'a.yaml:1: kustomization: left out; its patches and generators are not applied, the files beside it are read as they are',
    ],
    ['an empty file', '', 'a.yaml: holds no object'],
    ['empty documents and comments', '---\n# nothing\n---\n', 'a.yaml: holds no object'],
  ])('%s is a note', (_title, text, expected) => {
    const { documents, problems, notes } = read(text);
    expect({ documents, problems, notes }).toEqual({ documents: [], problems: [], notes: [expected] });
  });

  test('kustomization.yaml is a note, whatever it holds', () => {
    const { problems, notes } = parseManifests([{ name: 'dir/kustomization.yaml', text: 'resources: [a.yaml]' }]);
    expect(problems).toEqual([]);
    expect(notes.map(formatManifestNote)[0]).toMatch(/^dir\/kustomization\.yaml: left out/);
  });
});

describe('a resource', () => {
  test('has its defaults, and its namespace when it names none', () => {
    const [document] = read(DOMAIN).all;
    expect(document?.content).toMatchObject({
      resource: { metadata: { name: 'shared', namespace: 'default' }, spec: { fleetRef: { name: 'default' } } },
    });
  });

  test('is told every problem with its line, and is kept as invalid', () => {
    const text = `# a comment\n${DOMAIN}  inbound:\n    tls: Always\n  dkim:\n    - selector: a\n  store: {}\n`;
    const { documents, problems } = read(text);
    expect(problems).toEqual([
      'a.yaml:9: spec.inbound.tls: must be one of Opportunistic, Required, not "Always"',
      'a.yaml:11: spec.dkim[0].secretRef: required, but missing',
      expect.stringMatching(/^a\.yaml:12: spec\.store: unknown field; known here: domain, /),
    ]);
    expect(documents).toEqual(['invalid SharedDomain default/shared']);
  });

  test('of a later document is told by the line in the file', () => {
    expect(
      read(`${DOMAIN}---\n${DOMAIN.replace('name: shared', 'name: b').replace('shared.example', 'x')}`).problems,
    ).toEqual([expect.stringMatching(/^a\.yaml:13: spec\.domain: "x" must be a domain name/)]);
  });

  test('in a list is told by the line in the file', () => {
    const items = DOMAIN.replace(/^/gm, '    ').replace('    api', '  - api').replace('shared.example', 'X');
    expect(read(`apiVersion: v1\nkind: List\nitems:\n${items}`).problems).toEqual([
      expect.stringMatching(/^a\.yaml:9: spec\.domain: "X" must be a domain name/),
    ]);
  });

  test.each([
    ['in JSON with tabs', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }, null, '\t')],
    ['with an alias', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {a: &x x}\n  name: *x\n'],
    ['with a merged mapping', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  <<: {name: x}\n'],
    ['with CRLF', 'apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: x\r\n'],
  ])('can be written %s', (_title, text) => {
    expect(read(text)).toMatchObject({ documents: ['data ConfigMap default/x'], problems: [] });
  });

  test('takes YAML 1.1 words as kubectl does: for booleans', () => {
    const text = DOMAIN.replace('metadata:\n', 'metadata:\n  labels:\n    a: yes\n    b: "yes"\n    c: n\n');
    expect(read(text).problems).toEqual([
      'a.yaml:5: metadata.labels.a: must be a string, not true; put it in quotes',
      'a.yaml:7: metadata.labels.c: must be a string, not false; put it in quotes',
    ]);
  });
});

describe('a name', () => {
  test('that two documents of one folder have is a problem, told at the second', () => {
    expect(read(DOMAIN, `# copy\n${DOMAIN}`).problems).toEqual([
      'b.yaml:5: metadata.name: SharedDomain shared is there twice: a.yaml:1 has it already; remove or rename one',
    ]);
  });

  test('may be used again by another kind or in another namespace', () => {
    const other = DOMAIN.replace('name: shared', 'name: shared\n  namespace: mail');
    expect(read(DOMAIN, other, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}').problems).toEqual([]);
  });

  test('without a namespace is one in the namespace default', () => {
    expect(read(DOMAIN, DOMAIN.replace('name: shared', 'name: shared\n  namespace: default')).problems).toHaveLength(1);
  });
});

describe('lineOf', () => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: |\n    b\n  c: &d e\n  f: *d\n';
  const [document] = read(text).all;

  test.each([
    [[], 1],
    [['kind'], 2],
    [['metadata', 'name'], 4],
    [['data', 'a'], 6],
    [['data', 'f'], 9],
    [['data', 'missing'], 5],
    [['missing', 'deeper', 0], 1],
  ])('%j is line %i', (path, line) => {
    expect(document?.lineOf(path)).toBe(line);
  });
});
