/** Everything that is wrong with manifests or a cluster, by place, worst first: what `check` prints and what `relay` starts with. */

import { formatPath, type Path } from '../crds/problem.ts';
import type { CompileResult, Finding, Severity } from '../operator/compile/result.ts';
import { identity, type ManifestDocument, type Manifests } from './manifests/document.ts';

/** Something in a file, or in a cluster, where there are no lines and the place says already what it is. */
export interface DiagnosedDocument extends Pick<ManifestDocument, 'kind' | 'namespace' | 'name' | 'content' | 'file'> {
  readonly lineOf?: ManifestDocument['lineOf'];
}

export interface DiagnosedManifests extends Pick<Manifests, 'problems' | 'notes'> {
  readonly documents: readonly DiagnosedDocument[];
}

export interface Diagnosis {
  readonly severity: Severity;
  /** `mail/TenantRoute/tenant1` of what was read from a cluster. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  /** `spec.domains[1]`; empty when the whole document or file is meant. */
  readonly path: string;
  /** `TenantRoute tenant1`; undefined when it is not known what the document is. */
  readonly subject: string | undefined;
  readonly message: string;
}

export interface DiagnosisOptions {
  /** A Secret that is not among the manifests is only worth a warning: repositories hold none. */
  readonly secretsMayBeMissing: boolean;
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

export function diagnose(
  manifests: DiagnosedManifests,
  compiled: Pick<CompileResult, 'findings'>,
  options: DiagnosisOptions,
): Diagnosis[] {
  const documents = new Map(manifests.documents.map((document) => [identity(document), document]));
  const all: Diagnosis[] = [
    ...manifests.problems.map(
      ({ file, line, path, message }): Diagnosis => ({
        severity: 'error',
        file,
        line,
        path: formatPath(path),
        subject: undefined,
        message,
      }),
    ),
    ...compiled.findings
      .filter((finding) => !isToldByProblems(finding, documents.get(identity(finding))))
      .map((finding) => fromFinding(finding, documents.get(identity(finding)), options)),
    ...manifests.notes.map(
      ({ file, line, message }): Diagnosis => ({ severity: 'note', file, line, path: '', subject: undefined, message }),
    ),
  ];
  return all.sort(byUrgency);
}

export function byUrgency(a: Diagnosis, b: Diagnosis): number {
  return RANK[a.severity] - RANK[b.severity] || compareText(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0);
}

/** What the schema says of a document is among the problems, each with its own line. */
function isToldByProblems({ message }: Finding, document: DiagnosedDocument | undefined): boolean {
  return document?.content.type === 'invalid' && document.content.invalid.problems.includes(message);
}

function fromFinding(finding: Finding, document: DiagnosedDocument | undefined, options: DiagnosisOptions): Diagnosis {
  const { severity, kind, name, path = '', missing, message } = finding;
  return {
    severity: severity === 'error' && missing === 'Secret' && options.secretsMayBeMissing ? 'warning' : severity,
    file: document?.file,
    line: document?.lineOf?.(readPath(path)),
    path,
    subject: document !== undefined && document.lineOf === undefined ? undefined : `${kind} ${name}`,
    message,
  };
}

/** `spec.sources[0].cidrs[1]`, as formatPath() writes it. */
function readPath(path: string): Path {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|[^.[\]]+/g)].map(([whole, quoted, index]) =>
    quoted !== undefined ? quoted : index !== undefined ? Number(index) : whole,
  );
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `file:line: error: TenantRoute tenant1: spec.domains[1]: message`, which editors and terminals make a link of. */
export function formatDiagnosis({ severity, file, line, path, subject, message }: Diagnosis): string {
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}`];
  const what = [subject, path].filter((part) => part !== undefined && part !== '');
  return [...place, severity, ...what, message].join(': ');
}

/** `1 error`, `2 errors`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
