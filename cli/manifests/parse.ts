/** Turns the text of manifest files into documents. Pure: reads nothing itself. */

import { isMapping } from '../../crds/defaults.ts';
import { formatProblem, type Path, type Problem } from '../../crds/problem.ts';
import { type Kind, KINDS } from '../../crds/v1alpha1/kinds.ts';
import { API_GROUP, API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import { validateResource } from '../../crds/validate.ts';
import { combine } from './combine.ts';
import { MAX_DATA_BYTES, readDataObject } from './data-object.ts';
import {
  DEFAULT_NAMESPACE,
  type DocumentKind,
  type Located,
  type ManifestDocument,
  type ManifestNote,
  type ManifestProblem,
  type Manifests,
  type ParsedFile,
} from './document.ts';
import { parseYaml } from './yaml-text.ts';

export interface ManifestText {
  readonly name: string;
  readonly text: string;
}

interface Findings {
  readonly documents: ManifestDocument[];
  readonly problems: ManifestProblem[];
  readonly notes: ManifestNote[];
}

const isKind = (kind: string): kind is Kind => (KINDS as string[]).includes(kind);

function report(found: Findings, at: Located, problems: readonly Problem[]): void {
  for (const { path, message } of problems) {
    found.problems.push({ file: at.file, line: at.lineOf(path), path, message });
  }
}

function note(found: Findings, at: Located, message: string): void {
  found.notes.push({ file: at.file, line: at.line, message });
}

/** What the object calls itself, as far as it says so in the right shape. */
function nameOf(value: Record<string, unknown>): { namespace: string; name: string | undefined } {
  const metadata = isMapping(value.metadata) ? value.metadata : {};
  const { namespace, name } = metadata;
  return {
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : DEFAULT_NAMESPACE,
    name: typeof name === 'string' && name !== '' ? name : undefined,
  };
}

function add(found: Findings, at: Located, kind: DocumentKind, content: ManifestDocument['content']): void {
  const { namespace, name } = nameOf(at.value as Record<string, unknown>);
  if (name !== undefined) found.documents.push({ ...at, kind, namespace, name, content });
}

function readResource(found: Findings, at: Located, value: Record<string, unknown>): void {
  const result = validateResource(value);
  if (result.ok) {
    const { resource } = result;
    const metadata = { ...resource.metadata, namespace: nameOf(value).namespace };
    const content = { type: 'resource' as const, resource: { ...resource, metadata } as typeof resource };
    add(found, at, resource.kind, content);
    return;
  }
  report(found, at, result.problems);
  const { namespace, name } = nameOf(value);
  const kind = String(value.kind);
  if (!isKind(kind) || name === undefined) return;
  const problems = result.problems.map(formatProblem);
  add(found, at, kind, { type: 'invalid', invalid: { kind, namespace, name, spec: value.spec, problems } });
}

function readData(found: Findings, at: Located, kind: 'Secret' | 'ConfigMap', value: Record<string, unknown>): void {
  const { data, problems } = readDataObject(kind, value);
  report(found, at, problems);
  if (problems.length > 0) return;
  const bytes = Object.values(data).reduce((sum, content) => sum + content.length, 0);
  if (bytes > MAX_DATA_BYTES) {
    note(found, at, `${kind} of ${bytes} bytes: a cluster takes at most ${MAX_DATA_BYTES}; split or compress it there`);
  }
  add(found, at, kind, { type: 'data', data });
}

/** An item of a list is a document of its own, whose paths begin in it but whose lines are the file's. */
function readItems(found: Findings, at: Located, items: unknown): void {
  if (!Array.isArray(items)) {
    report(found, at, [{ path: ['items'], message: 'must be a list of objects' }]);
    return;
  }
  for (const [index, value] of items.entries()) {
    const lineOf = (path: Path) => at.lineOf(['items', index, ...path]);
    readDocument(found, { file: at.file, line: lineOf([]), value, lineOf });
  }
}

function readDocument(found: Findings, at: Located): void {
  const { value } = at;
  if (!isMapping(value)) {
    report(found, at, [{ path: [], message: 'is no object: a manifest begins with apiVersion, kind and metadata' }]);
    return;
  }
  const { apiVersion, kind } = value;
  const missing = [typeof apiVersion === 'string' ? [] : ['apiVersion'], typeof kind === 'string' ? [] : ['kind']];
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    const message = 'required, but missing: every object says its apiVersion and kind';
    report(
      found,
      at,
      missing.flat().map((field) => ({ path: [field], message })),
    );
    return;
  }
  if (apiVersion === 'v1' && kind === 'List') return readItems(found, at, value.items);
  if (apiVersion === API_VERSION && kind.endsWith('List') && isKind(kind.slice(0, -'List'.length))) {
    return readItems(found, at, value.items);
  }
  if (apiVersion === API_GROUP || apiVersion.startsWith(`${API_GROUP}/`) || isKind(kind)) {
    return readResource(found, at, value);
  }
  if (kind === 'Secret' || kind === 'ConfigMap') {
    if (apiVersion === 'v1') return readData(found, at, kind, value);
    return report(found, at, [{ path: ['apiVersion'], message: `${kind} is a kind of v1, not of ${apiVersion}` }]);
  }
  const skipped = apiVersion.startsWith('kustomize.config.k8s.io/')
    ? 'kustomization: left out; its patches and generators are not applied, the files beside it are read as they are'
    : `${kind} of ${apiVersion}: left out; only Isthmus' own kinds, Secrets and ConfigMaps are used`;
  note(found, at, skipped);
}

export function isKustomization(file: string): boolean {
  return /(^|[\\/])kustomization\.(yaml|yml)$/.test(file);
}

export function parseFile({ name: file, text }: ManifestText): ParsedFile {
  const found: Findings = { documents: [], problems: [], notes: [] };
  if (isKustomization(file)) {
    const message = 'left out: its patches and generators are not applied, the files beside it are read as they are';
    return { name: file, documents: [], problems: [], notes: [{ file, line: undefined, message }] };
  }
  const { documents, errors } = parseYaml(text);
  for (const { line, message } of errors) found.problems.push({ file, line, path: [], message });
  for (const { value, lineOf } of documents) readDocument(found, { file, line: lineOf([]), value, lineOf });
  if (documents.length === 0 && errors.length === 0) {
    found.notes.push({ file, line: undefined, message: 'holds no object' });
  }
  found.problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { name: file, ...found };
}

/** The files of one folder. */
export function parseManifests(files: readonly ManifestText[]): Manifests {
  return combine([{ folder: '', files: files.map(parseFile), problems: [] }]);
}
