/** Everything that is wrong with folders of manifests, by file and line, worst first: what `check` prints and what `relay` starts with. */

import { formatPath, type Path } from '../crds/problem.ts';
import type { CompileResult, Finding, Severity } from '../operator/compile/result.ts';
import { identity, type ManifestDocument, type Manifests } from './manifests/document.ts';

export interface Diagnosis {
  readonly severity: Severity;
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

export function diagnose(manifests: Manifests, compiled: CompileResult, options: DiagnosisOptions): Diagnosis[] {
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
    ...compiled.findings.map((finding) => fromFinding(finding, documents.get(identity(finding)), options)),
    ...manifests.notes.map(
      ({ file, line, message }): Diagnosis => ({ severity: 'note', file, line, path: '', subject: undefined, message }),
    ),
  ];
  return all.sort(
    (a, b) => RANK[a.severity] - RANK[b.severity] || compareText(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0),
  );
}

function fromFinding(finding: Finding, document: ManifestDocument | undefined, options: DiagnosisOptions): Diagnosis {
  const { severity, kind, name, path = '', missing, message } = finding;
  return {
    severity: severity === 'error' && missing === 'Secret' && options.secretsMayBeMissing ? 'warning' : severity,
    file: document?.file,
    line: document?.lineOf(readPath(path)),
    path,
    subject: `${kind} ${name}`,
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
