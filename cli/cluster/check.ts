/** `isthmus check` against a cluster: all that is wrong there, or what would become of files that are applied to it. */

import { formatPath } from '../../crds/problem.ts';
import type { CompileResult } from '../../operator/compile/result.ts';
import { byUrgency, counted, type DiagnosedDocument, type Diagnosis, diagnose } from '../diagnosis.ts';
import { identity, type Manifests } from '../manifests/document.ts';
import { compileContent } from './compile.ts';
import { type ClusterContent, readResources, referencesOf, withReferences } from './content.ts';
import { type Handover, handovers } from './holders.ts';
import { type ClusterMemory, readMemory } from './memory.ts';
import { inNamespace, type Laid, layOver } from './overlay.ts';
import type { Cluster } from './reach.ts';

export interface CheckResult {
  /** How many there are, or in the files. */
  readonly resources: number;
  readonly diagnoses: readonly Diagnosis[];
}

export interface CheckOptions {
  /** What could not be read is an error. */
  readonly strict: boolean;
  readonly now: Date;
}

/** A finding names so many addresses. */
const MOST_NAMES = 10;

export async function checkCluster({ api, scope }: Cluster, options: CheckOptions): Promise<CheckResult> {
  const content = await withReferences(api, await readResources(api, [scope]));
  const memory = await readMemory(api, content);
  const compiled = compileContent(content, memory.state, options.now);
  return {
    resources: countResources(content.documents),
    diagnoses: diagnosesOf(content, compiled, memory, options).sort(byUrgency),
  };
}

export async function checkAgainst(
  cluster: Cluster,
  given: Manifests,
  chosen: string | undefined,
  options: CheckOptions,
): Promise<CheckResult> {
  const { api, scope, home } = cluster;
  const files = inNamespace(given, home, chosen);
  const named = files.documents.map(({ namespace }) => namespace);
  const scopes = scope === undefined ? [undefined] : [...new Set([home, ...named])];
  const present = await readResources(api, scopes);
  const memory = await readMemory(api, present);
  const now = await withReferences(api, present);
  const laid = layOver(now, files);
  const then = await withReferences(api, laid.manifests);
  const compiledNow = compileContent(now, memory.state, options.now);
  const compiledThen = compileContent(then, memory.state, options.now);
  const known = new Set(diagnosesOf(now, compiledNow, memory, options).map(keyOf));
  const all = diagnosesOf(then, compiledThen, memory, options);
  const ours = new Set(files.documents.map(({ file }) => file));
  const shown = all.filter((one) => ours.has(one.file ?? '') || !known.has(keyOf(one)) || isOfFiles(one, given));
  const hidden = all.filter((one) => one.severity !== 'note' && !shown.includes(one)).length;
  const changes = handovers(compiledNow, compiledThen);
  const ofChange = [...refusals(laid), ...handoverNotes(changes, laid), ...fateNotes(files, laid)];
  const rest =
    hidden === 0 ? [] : [noteOf(undefined, `not shown: ${counted(hidden, 'problem')} of before; check without -f`)];
  return { resources: countResources(files.documents), diagnoses: [...shown, ...ofChange, ...rest].sort(byUrgency) };
}

function countResources(documents: readonly DiagnosedDocument[]): number {
  return documents.filter(({ content }) => content.type !== 'data').length;
}

function diagnosesOf(
  content: ClusterContent,
  compiled: CompileResult,
  { remarks }: ClusterMemory,
  options: CheckOptions,
): Diagnosis[] {
  // What could not be read has a diagnosis of its own, which says why.
  const findings = compiled.findings.filter(({ reason }) => reason !== 'Unknown');
  const found = diagnose(content, { findings }, { secretsMayBeMissing: false });
  return [...found, ...unreadDiagnoses(content, options), ...remarks];
}

function unreadDiagnoses({ documents, unread }: ClusterContent, { strict }: CheckOptions): Diagnosis[] {
  return documents.flatMap((document) => {
    if (document.content.type !== 'resource') return [];
    const missing = referencesOf(document.content.resource).flatMap((one) => unread.get(identity(one)) ?? []);
    return missing.map(({ kind, name, why }): Diagnosis => {
      const message = `${kind} "${name}" could not be read (${why}): what it holds is not checked`;
      return about(document, strict ? 'error' : 'warning', message);
    });
  });
}

/** At the beginning of a document. */
function about(document: DiagnosedDocument, severity: Diagnosis['severity'], message: string, path = ''): Diagnosis {
  const { kind, name, file, lineOf } = document;
  const subject = lineOf === undefined ? undefined : `${kind} ${name}`;
  return { severity, file, line: lineOf?.([]), path, subject, message };
}

function noteOf(file: string | undefined, message: string): Diagnosis {
  return { severity: 'note', file, line: undefined, path: '', subject: undefined, message };
}

function keyOf({ severity, file, path, message }: Diagnosis): string {
  return JSON.stringify([severity, file, path, message]);
}

/** Problems of files that hold no document at all. */
function isOfFiles({ file }: Diagnosis, { problems, notes }: Manifests): boolean {
  return [...problems, ...notes].some((one) => one.file === file);
}

function refusals({ refused }: Laid): Diagnosis[] {
  return refused.map(({ document, problem: { path, message } }): Diagnosis => {
    const { kind, name, file, lineOf } = document;
    return { severity: 'error', file, line: lineOf(path), path: formatPath(path), subject: `${kind} ${name}`, message };
  });
}

function fateNotes({ documents }: Manifests, { fates }: Laid): Diagnosis[] {
  const words = {
    New: 'would be new',
    Changed: 'would change',
    Same: 'is there as it is',
    Refused: 'would be refused',
  };
  return documents.map((document) => {
    const fate = fates.get(identity(document)) ?? 'New';
    return about(document, 'note', `${words[fate]} in namespace ${document.namespace}`);
  });
}

function handoverNotes(changes: readonly Handover[], { before }: Laid): Diagnosis[] {
  return changes.map((change) =>
    noteOf(`${change.namespace}/${change.from.replace(' ', '/')}`, handoverText(change, before)),
  );
}

/** Rows of a Secret are counted, never named. */
function handoverText({ namespace, from, to, names }: Handover, before: Laid['before']): string {
  const rule = before.get(`RewriteRule ${namespace}/${from.slice('RewriteRule '.length)}`)?.content;
  const isSecret =
    rule?.type === 'resource' &&
    rule.resource.kind === 'RewriteRule' &&
    (rule.resource.spec.addressesFrom ?? []).some(({ secretKeyRef }) => secretKeyRef !== undefined);
  const shown = isSecret ? [] : names.slice(0, MOST_NAMES);
  const more = names.length - shown.length;
  const what = [...shown, ...(more > 0 ? [`${shown.length > 0 ? 'and ' : ''}${counted(more, 'name')}`] : [])].join(
    ', ',
  );
  return `would no longer hold ${what}: ${to === undefined ? 'nobody' : to} would`;
}
