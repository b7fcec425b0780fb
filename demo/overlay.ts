/** Makes the folder of manifests that replaces in the sample what must differ on one machine. */

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Place } from './act.ts';

/** The ports that demo/overlay is written with. */
const WRITTEN_PORTS: Readonly<Record<Place, number>> = { tenant1: 2601, tenant2: 2602, world: 2603 };

export interface OverlaySettings {
  readonly from: string;
  readonly to: string;
  readonly ports: Readonly<Record<Place, number>>;
  /** PEM. */
  readonly dkimKey: string;
  readonly authority: string;
}

export function writeOverlay({ from, to, ports, dkimKey, authority }: OverlaySettings): void {
  mkdirSync(to, { recursive: true });
  cpSync(from, to, { recursive: true });
  for (const name of readdirSync(to)) {
    const file = join(to, name);
    writeFileSync(file, withPorts(readFileSync(file, 'utf8'), ports));
  }
  const secrets = [secret('shared-dkim', 'private.key', dkimKey), secret('demo-ca', 'ca.crt', authority)];
  writeFileSync(join(to, 'secrets.yaml'), secrets.join('---\n'), { mode: 0o600 });
}

function withPorts(manifest: string, ports: OverlaySettings['ports']): string {
  const places = Object.keys(WRITTEN_PORTS) as Place[];
  return places.reduce(
    (text, place) => text.replaceAll(`port: ${WRITTEN_PORTS[place]}`, `port: ${ports[place]}`),
    manifest,
  );
}

function secret(name: string, key: string, text: string): string {
  return stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { [key]: text } });
}
