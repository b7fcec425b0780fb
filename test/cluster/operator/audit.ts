/** The API server's own record of who has written what. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: None
    resources: [{group: coordination.k8s.io, resources: [leases]}]
  - level: None
    resources: [{group: "", resources: [events]}]
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
`;

export interface Write {
  readonly user: string;
  readonly verb: string;
  /** `configmaps`, `tenantroutes/status` */
  readonly resource: string;
  readonly name: string;
  readonly code: number;
}

interface AuditLine {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}

export class Audit {
  readonly #folder = mkdtempSync(join(tmpdir(), 'isthmus-audit-'));
  readonly #log = join(this.#folder, 'audit.log');

  /** For the API server's command line. */
  flags(): string[] {
    const policy = join(this.#folder, 'policy.yaml');
    writeFileSync(policy, POLICY);
    return [`--audit-policy-file=${policy}`, `--audit-log-path=${this.#log}`];
  }

  /** Of the operator's ServiceAccount; leases and events left out. */
  writes(): Write[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').split('\n');
    return lines.flatMap((line): Write[] => {
      if (!line.endsWith('}')) return [];
      const { verb, user, objectRef = {}, responseStatus } = JSON.parse(line) as AuditLine;
      if (!user.username.endsWith(':isthmus-operator') && !user.username.endsWith(':isthmus')) return [];
      const { resource = '', subresource, name = '' } = objectRef;
      const full = subresource === undefined ? resource : `${resource}/${subresource}`;
      return [{ user: user.username, verb, resource: full, name, code: responseStatus?.code ?? 0 }];
    });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export const written = (writes: readonly Write[]): string[] =>
  writes.map(({ verb, resource, name, code }) => `${verb} ${resource} ${name} ${code}`);
