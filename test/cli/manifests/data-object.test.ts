/** Secrets and ConfigMaps in files are checked and decoded as the API server does. */

import { describe, expect, test } from 'vitest';
import { formatManifestNote, formatManifestProblem } from '../../../cli/manifests/document.ts';
import { parseManifests } from '../../../cli/manifests/parse.ts';

function read(text: string) {
  const { documents, problems, notes } = parseManifests([{ name: 'a.yaml', text }]);
  return { documents, problems: problems.map(formatManifestProblem), notes: notes.map(formatManifestNote) };
}

function data(text: string): Record<string, string> {
  const [document] = read(text).documents;
  if (document?.content.type !== 'data') throw new Error(read(text).problems.join('\n'));
  return Object.fromEntries(
    Object.entries(document.content.data).map(([key, bytes]) => [key, new TextDecoder().decode(bytes)]),
  );
}

describe('a Secret', () => {
  const secret = (rest: string) => `apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n${rest}`;

  test('is decoded, stringData over data', () => {
    const text = secret('data:\n  a: Yg==\n  c: |\n    ZGVm\n    Z2hp\nstringData:\n  a: plain\n  e:\n');
    expect(data(text)).toEqual({ a: 'plain', c: 'defghi', e: '' });
  });

  test.each([
    [
      'plain text in data',
      'data:\n  a: pass word',
      'a.yaml:6: data.a: is not base64; plain text belongs in stringData',
    ],
    ['base64 without padding', 'data:\n  a: YQ', 'a.yaml:6: data.a: is not base64; plain text belongs in stringData'],
    [
      'a number',
      'stringData:\n  pin: 1234',
      'a.yaml:6: stringData.pin: must be a string: put it in quotes, or write longer text after "|"',
    ],
    ['a list', 'data: [a]', 'a.yaml:5: data: must be a mapping of keys to texts'],
    [
      'a bad key',
      'stringData:\n  a/b: c',
      'a.yaml:6: stringData["a/b"]: a key must be letters, digits, hyphens, dots and underscores',
    ],
    [
      'an unknown field',
      'binaryData: {}',
      'a.yaml:5: binaryData: unknown field; known here: data, stringData, type, immutable',
    ],
    ['a type that is no text', 'type: 1', 'a.yaml:5: type: must be a string, such as Opaque or kubernetes.io/tls'],
    [
      'a type that is a mapping',
      'type: {toString: {}}',
      'a.yaml:5: type: must be a string, such as Opaque or kubernetes.io/tls',
    ],
    ['a bad immutable', 'immutable: "no"', 'a.yaml:5: immutable: must be true or false'],
  ])('with %s', (_title, rest, expected) => {
    expect(read(secret(rest)).problems).toEqual([expected]);
  });

  test('may have keys that JavaScript has its own meaning for', () => {
    expect(Object.entries(data(secret('type: constructor\nstringData:\n  __proto__: a\n  constructor: b\n')))).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    const [document] = read(secret('stringData: {}')).documents;
    expect(document?.content).toEqual({ type: 'data', data: {} });
    expect(document?.content).not.toHaveProperty(['data', 'constructor']);
  });

  test('of type kubernetes.io/tls has its two keys', () => {
    expect(read(secret('type: kubernetes.io/tls\nstringData:\n  tls.crt: x')).problems).toEqual([
      'a.yaml:1: data["tls.key"]: required by type kubernetes.io/tls, but missing',
    ]);
  });

  test('without a name is a problem', () => {
    expect(read('apiVersion: v1\nkind: Secret\nmetadata: {}').problems).toEqual([
      'a.yaml:3: metadata.name: required: give the object a name',
    ]);
  });
});

describe('a ConfigMap', () => {
  const map = (rest: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n${rest}`;

  test('is decoded, text and binary', () => {
    expect(data(map('data:\n  a: ä\n  1: b\nbinaryData:\n  c: w6Q=\n'))).toEqual({ a: 'ä', '1': 'b', c: 'ä' });
  });

  test.each([
    [
      'a boolean',
      'data:\n  a: yes',
      'a.yaml:6: data.a: must be a string: put it in quotes, or write longer text after "|"',
    ],
    ['a key in both', 'data: {a: b}\nbinaryData:\n  a: Yg==', 'a.yaml:7: binaryData.a: is in data as well: remove one'],
    ['bad base64', 'binaryData:\n  a: "*"', 'a.yaml:6: binaryData.a: is not base64'],
  ])('with %s', (_title, rest, expected) => {
    expect(read(map(rest)).problems).toEqual([expected]);
  });

  test('that no cluster would take is used, with a note', () => {
    const { documents, notes } = read(map(`data:\n  a: ${'x'.repeat(1048577)}`));
    expect(documents).toHaveLength(1);
    expect(notes).toEqual([
      'a.yaml:1: ConfigMap of 1048577 bytes: a cluster takes at most 1048576; split or compress it there',
    ]);
  });
});
