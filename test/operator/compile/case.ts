/**
 * A case of test/cases/compile: manifests after a document that says how to compile them, and what comes of it as
 * YAML.
 */

import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { parseManifests } from '../../../cli/manifests/parse.ts';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type {
  CompileInput,
  DataObject,
  DomainPermission,
  InvalidResource,
  Resource,
} from '../../../operator/compile/input.ts';
import type { CompileResult, Finding, FleetResult, ResourceStatus } from '../../../operator/compile/result.ts';
import type { Tombstone } from '../../../operator/compile/tombstones.ts';
import { nodePlatform } from '../../../operator/platform.ts';

export const CASES = new URL('../../cases/compile/', import.meta.url);
export const PLATFORM = nodePlatform('of the tests');
const RESOURCE_VERSION = '7';

/** The first document of a case. */
interface Settings {
  readonly kind: 'Case';
  /** What it shows. */
  readonly about: string;
  /** RFC 3339. */
  readonly now: string;
  readonly fromFiles?: boolean;
  /** `Secret default/name`: it cannot be read. */
  readonly unknown?: string[];
  /** The operator's setting. */
  readonly domains?: DomainPermission[];
  /** The case whose outcome is running. */
  readonly after?: string;
}

export interface LoadedCase {
  readonly about: string;
  readonly input: CompileInput;
  /** Text of a credential → `secret/key`. */
  readonly names: ReadonlyMap<string, string>;
}

export function caseTime(name: string): number {
  return Date.parse(splitCase(name).settings.now);
}

function splitCase(name: string): { settings: Settings; manifests: string } {
  const text = readFileSync(new URL(`${name}.in.yaml`, CASES), 'utf8');
  const end = text.indexOf('\n---\n');
  return { settings: parse(text.slice(0, end)) as Settings, manifests: text.slice(end + 5) };
}

export function loadCase(name: string, pem: ReadonlyMap<string, string>): LoadedCase {
  const { settings, manifests } = splitCase(name);
  const earlier = settings.after === undefined ? undefined : compile(loadCase(settings.after, pem).input);
  const text = manifests.replace(/\$([a-z0-9-]+\.(?:crt|key))/g, (_, key: string) => {
    const value = pem.get(key);
    if (value === undefined) throw new Error(`${name} asks for ${key}, which nobody makes`);
    return JSON.stringify(value);
  });
  const { documents } = parseManifests([{ name: `${name}.in.yaml`, text }]);
  const resources: Resource[] = [];
  const invalid: InvalidResource[] = [];
  const objects = new Map<string, DataObject>();
  const names = new Map<string, string>();
  for (const { kind, namespace, name: object, content } of documents) {
    if (content.type === 'resource') resources.push(content.resource);
    else if (content.type === 'invalid') invalid.push(content.invalid);
    else objects.set(`${kind} ${namespace}/${object}`, { data: content.data, resourceVersion: RESOURCE_VERSION });
    if (content.type !== 'data' || kind !== 'Secret') continue;
    for (const [key, bytes] of Object.entries(content.data)) {
      const text = new TextDecoder().decode(bytes);
      for (const each of [text, text.trim()]) names.set(PLATFORM.credentialId(each), `${object}/${key}`);
    }
  }
  const lookup = (kind: string) => (namespace: string, object: string) => {
    const key = `${kind} ${namespace}/${object}`;
    return settings.unknown?.includes(key) === true ? ('unknown' as const) : (objects.get(key) ?? ('missing' as const));
  };
  const input: CompileInput = {
    resources,
    invalid,
    secrets: lookup('Secret'),
    configMaps: lookup('ConfigMap'),
    running: earlier?.fleets,
    tombstones: earlier?.tombstones,
    now: Date.parse(settings.now),
    platform: PLATFORM,
    fromFiles: settings.fromFiles,
    domains: settings.domains,
  };
  return { about: settings.about, input, names };
}

/** Everything that was decided, without what differs from run to run: ids of credentials become names of Secrets. */
export function render(result: CompileResult, { names, about }: LoadedCase): string {
  const value = {
    about,
    fleets: result.fleets.map((fleet) => renderFleet(fleet, names)),
    statuses: Object.fromEntries(result.statuses.map(renderStatus)),
    findings: result.findings.map(renderFinding),
    ...(result.tombstones.length > 0 && { tombstones: result.tombstones.map(renderTombstone) }),
  };
  const text = stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
  return [...names].reduce((rendered, [id, label]) => rendered.replaceAll(id, `<${label}>`), text);
}

function renderFleet(
  { namespace, name, paused, config, credentials, unknown }: FleetResult,
  names: ReadonlyMap<string, string>,
) {
  const { fleet, sharedDomains, tenantRoutes, rewriteRules, held } = config;
  return {
    fleet: `${namespace}/${name}${paused ? ' (paused)' : ''}`,
    config: {
      fleet: withoutDefaults(fleet),
      sharedDomains,
      tenantRoutes: tenantRoutes.map(({ generation: _, ...route }) => route),
      rewriteRules: rewriteRules.map(({ addresses, domains, ...rule }) => ({
        ...rule,
        addresses: addresses.map(([internal, external, direction]) => `${internal} ${external} ${direction}`),
        domains,
      })),
      held: renderHeld(held),
    },
    ...(credentials.size > 0 && { credentials: [...credentials.keys()].map((id) => names.get(id) ?? id).sort() }),
    ...(unknown.length > 0 && { unknown }),
  };
}

/** Limits are the schema's own defaults in every case but the one that is about them. */
function withoutDefaults({ limits, ...fleet }: RelayConfig['fleet']) {
  return limits.hops === 30 ? fleet : { ...fleet, limits };
}

function renderHeld(held: RelayConfig['held']) {
  return Object.fromEntries(
    Object.entries(held).filter(([, value]) => value === true || (Array.isArray(value) && value.length > 0)),
  );
}

function renderStatus({ kind, namespace, name, conditions, ...counts }: ResourceStatus): [string, unknown] {
  const lines = conditions.map(({ type, status, reason, message }) => [type, `${status}, ${reason}: ${message}`]);
  return [`${kind} ${namespace}/${name}`, { ...Object.fromEntries(lines), ...counts }];
}

function renderFinding({ severity, kind, namespace, name, path, reason, missing, message }: Finding): string {
  const place = path === undefined ? '' : ` ${path}`;
  const what = missing === undefined ? reason : `${reason}, no ${missing}`;
  return `${severity}: ${kind} ${namespace}/${name}${place} (${what}): ${message}`;
}

function renderTombstone({ kind, namespace, fleet, name, expiresAt }: Tombstone): string {
  return `${kind} ${namespace}/${name} of fleet ${fleet} until ${new Date(expiresAt).toISOString()}`;
}
