/** Makes the folder of manifests that replaces in the sample what must differ on one machine. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Place } from './act.ts';

/** The ports that the manifests of the demo are written with. */
const WRITTEN_PORTS: Readonly<Record<Place, number>> = {
  tenant1: 2601,
  tenant2: 2602,
  world: 2603,
  onPremises: 2604,
  cloud: 2605,
  tenant10: 2610,
};

export type Ports = Readonly<Partial<Record<Place, number>>>;

export interface ManifestSettings {
  readonly from: string;
  readonly to: string;
  readonly ports: Ports;
}

export interface OverlaySettings extends ManifestSettings {
  /** PEM. */
  readonly dkimKey: string;
  readonly authority: string;
}

export function writeOverlay({ dkimKey, authority, ...settings }: OverlaySettings): void {
  mkdirSync(settings.to, { recursive: true });
  writeManifests(settings);
  const secrets = [secret('shared-dkim', 'private.key', dkimKey), secret('demo-ca', 'ca.crt', authority)];
  writeFileSync(join(settings.to, 'secrets.yaml'), secrets.join('---\n'), { mode: 0o600 });
}

/** Into a folder that is there: the relay may be watching it. */
export function writeManifests({ from, to, ports }: ManifestSettings): void {
  for (const name of readdirSync(from)) {
    writeFileSync(join(to, name), withPorts(readFileSync(join(from, name), 'utf8'), ports));
  }
}

function withPorts(manifest: string, ports: Ports): string {
  const places = Object.keys(WRITTEN_PORTS) as Place[];
  return places.reduce(
    (text, place) => text.replaceAll(`port: ${WRITTEN_PORTS[place]}`, `port: ${ports[place] ?? WRITTEN_PORTS[place]}`),
    manifest,
  );
}

function secret(name: string, key: string, text: string): string {
  return stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { [key]: text } });
}
