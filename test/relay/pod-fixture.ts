/** A relay pod's program with the folders a kubelet would mount, and configurations packed by the operator's packer. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Packer } from '../../operator/slots/pack.ts';
import type { Piece } from '../../operator/compilation/compiler.ts';
import type { Credentials, RelayConfig } from '../../relay/core/config.ts';
import { type Manifest, MANIFEST_FILE, WANTED_REVISION_FILE } from '../../relay/core/manifest.ts';
import { podStatusSchema } from '../../relay/core/pod-status.ts';
import { type Identity } from '../support/certificates.ts';
import { type Running, start } from '../support/child-process.ts';
import { freePort } from '../support/free-port.ts';
import { type ConfigParts, nextHop, relayConfig, tenantRoute } from '../support/relay-config.ts';
import { rule } from '../support/rewrite-rules.ts';
import { MountedFolder } from './mounted-folder.ts';

const POD = fileURLToPath(new URL('../../relay/pod.ts', import.meta.url));
/** For what a pod does within a second; a loaded machine takes longer. */
export const UNTIL = { timeout: 20_000, interval: 20 };
export const POD_UID = '11111111-2222-3333-4444-555555555555';

/** A configuration in which john@shared.example and whoever else is named have mailboxes at tenant1. */
export function configFor(
  revision: string,
  port: number,
  people: readonly string[],
  parts: ConfigParts = {},
): RelayConfig {
  const hop = nextHop({ hosts: [{ host: '127.0.0.1', port }] });
  const addresses = people.map((name): [string, string, 'Both'] => [
    `${name}@tenant1.example`,
    `${name}@shared.example`,
    'Both',
  ]);
  const tenantRoutes = [tenantRoute('tenant1', { nextHop: hop })];
  return { ...relayConfig({ tenantRoutes, rewriteRules: [rule('people', { addresses })], ...parts }), revision };
}

export interface Revision {
  readonly name: string;
  readonly pieces: readonly Piece[];
}

const packer = new Packer('key of the tests');

export function packed(config: RelayConfig, credentials: Credentials = new Map()): Revision {
  const result = packer.pack({ config, credentials, confidentialRules: new Set(), tombstones: [] });
  if (!result.ok) throw new Error(result.tooLarge);
  return { name: config.revision, pieces: result.pieces };
}

export interface Mounted {
  readonly proven?: Revision;
  readonly candidate?: Revision;
  /** The pod's annotation. */
  readonly wanted?: string;
}

/** The files of the config volume. */
export function volume({ proven, candidate, wanted }: Mounted): Record<string, string | Uint8Array> {
  const listed = (revision: Revision | undefined, state: 'proven' | 'candidate') =>
    revision === undefined
      ? []
      : [{ revision: revision.name, state, pieces: revision.pieces.map(({ slot, key }) => ({ slot, key })) }];
  const manifest: Manifest = {
    format: 1,
    revisions: [...listed(proven, 'proven'), ...listed(candidate, 'candidate')],
    memory: [],
  };
  const pieces = [...(proven?.pieces ?? []), ...(candidate?.pieces ?? [])].map(({ key, bytes }) => [key, bytes]);
  return {
    ...Object.fromEntries(pieces),
    [MANIFEST_FILE]: JSON.stringify(manifest),
    [WANTED_REVISION_FILE]: wanted ?? '',
  };
}

export function tlsFiles({ certificate, key }: Pick<Identity, 'certificate' | 'key'>): Record<string, string> {
  return { 'tls.crt': certificate, 'tls.key': key };
}

export class PodFolders {
  readonly config = new MountedFolder();
  readonly tls = new MountedFolder();
  readonly state = mkdtempSync(join(tmpdir(), 'isthmus-state-'));
  readonly spool = mkdtempSync(join(tmpdir(), 'isthmus-spool-'));

  remove(): void {
    this.config.remove();
    this.tls.remove();
    for (const folder of [this.state, this.spool]) rmSync(folder, { recursive: true, force: true });
  }
}

export class TestPod {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly httpPort: number;
  readonly process: Running;

  private constructor(port: number, httpPort: number, process: Running) {
    this.port = port;
    this.httpPort = httpPort;
    this.process = process;
  }

  /** Resolves when it answers probes. */
  static async start(folders: PodFolders, environment: Readonly<Record<string, string>> = {}): Promise<TestPod> {
    const [port, httpPort] = [await freePort(), await freePort()];
    const env = {
      POD_UID,
      ISTHMUS_CONFIG_FOLDER: folders.config.folder,
      ISTHMUS_TLS_FOLDER: folders.tls.folder,
      ISTHMUS_STATE_FOLDER: folders.state,
      ISTHMUS_SPOOL_FOLDER: folders.spool,
      ISTHMUS_SMTP_PORT: String(port),
      ISTHMUS_HTTP_PORT: String(httpPort),
      ...environment,
    };
    const running = start(process.execPath, [POD], { name: 'relay pod', env });
    await running.waitForPort('127.0.0.1', httpPort);
    return new TestPod(port, httpPort, running);
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await fetch(`http://${this.host}:${this.httpPort}${path}`);
    return { status: answer.status, body: await answer.text() };
  }

  async isReady(): Promise<boolean> {
    return (await this.get('/readyz')).status === 200;
  }

  async status() {
    return podStatusSchema.parse(JSON.parse((await this.get('/status')).body));
  }
}
