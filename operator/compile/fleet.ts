/** What a RelayFleet itself says: its name in greetings, certificate, way to the internet and limits. */

import { DEFAULT_FLEET, SECRET_KEYS } from '../../crds/v1alpha1/references.ts';
import { type RelayFleet, type RelayFleetSpec, relayFleetSpec } from '../../crds/v1alpha1/relay-fleet.ts';
import { formatMailbox, parseMailbox } from '../../relay/core/address.ts';
import type { RelayConfig } from '../../relay/core/config.ts';
import { Report } from './conditions.ts';
import { SecretReader, take, type TlsPair } from './credentials.ts';
import type { CompileInput } from './input.ts';
import { compileNextHop } from './next-hop.ts';

type FleetConfig = RelayConfig['fleet'];

/** RFC 2606: a name that is nobody's, for a relay that serves no domain yet. */
const NO_HOSTNAME = 'localhost.invalid';
/** kube-proxy and cloud balancers need this long to send new connections elsewhere (operator.md, Draining). */
const LAME_DUCK_SECONDS = 35;
const DAY_MS = 86_400_000;
/**
 * A certificate that is not renewed three weeks before its end will not be renewed by itself: cert-manager starts at
 * a third of its life.
 */
const EXPIRY_WARNING_MS = 21 * DAY_MS;

export interface FleetDraft {
  readonly namespace: string;
  readonly name: string;
  readonly spec: RelayFleetSpec;
  readonly report: Report;
  /** No resource stands behind it: it has no status. */
  readonly implicit: boolean;
  readonly secrets: SecretReader;
  /** Authorities for client certificates of sources that name none; unread: they cannot be read. */
  readonly clientCa: { readonly id: string | undefined; readonly unread: boolean };
  /** undefined: none is named, or it cannot be read. Then passes are not counted, which is worth no mail on hold. */
  readonly traceKeys: readonly string[] | undefined;
  readonly tls: FleetConfig['tls'];
  readonly tlsPair: TlsPair | undefined;
  readonly outbound: FleetConfig['outbound'];
  /** Nothing may go to the internet. */
  readonly outboundHeld: boolean;
}

export function draftFleet(resource: RelayFleet, input: CompileInput): FleetDraft {
  const { name, namespace = '' } = resource.metadata;
  return draft(name, namespace, resource.spec, false, input);
}

/** Stands in for a RelayFleet where resources are read as files and hold none. */
export function implicitFleet(namespace: string, input: CompileInput): FleetDraft {
  return draft(DEFAULT_FLEET, namespace, relayFleetSpec.parse({}), true, input);
}

function draft(
  name: string,
  namespace: string,
  spec: RelayFleetSpec,
  implicit: boolean,
  input: CompileInput,
): FleetDraft {
  const report = new Report('RelayFleet', namespace, name);
  const ownKeys = input.ownSigningKeys?.(namespace, name);
  const secrets = new SecretReader(namespace, input.secrets, input.platform);
  const { secretRef, clientCASecretRef, minVersion } = spec.tls;
  const tlsPair = secretRef && take(report, 'spec.tls.secretRef', secrets.tlsPair(secretRef.name));
  const clientCa =
    clientCASecretRef && take(report, 'spec.tls.clientCASecretRef', secrets.authorities(clientCASecretRef));
  if (tlsPair !== undefined) warnOfDates(report, tlsPair, input.now);
  return {
    namespace,
    name,
    spec,
    report,
    implicit,
    secrets,
    traceKeys: compileTraceKeys(spec, secrets, report, ownKeys),
    clientCa: { id: clientCa, unread: clientCASecretRef !== undefined && clientCa === undefined },
    tls: { minVersion, ...(tlsPair && { certificate: tlsPair.certificate, key: tlsPair.key }) },
    tlsPair,
    ...compileOutbound(spec, secrets, report),
  };
}

function compileTraceKeys(
  spec: RelayFleetSpec,
  secrets: SecretReader,
  report: Report,
  ownKeys: readonly string[] | undefined,
): readonly string[] | undefined {
  const { signingSecretRef } = spec;
  if (signingSecretRef === undefined) return ownKeys?.map((key) => secrets.keep(key));
  const path = 'spec.signingSecretRef';
  const { name } = signingSecretRef;
  const current = take(report, path, secrets.signingKey({ name, key: SECRET_KEYS.signing }));
  if (current === undefined) return undefined;
  const read = secrets.signingKey({ name, key: SECRET_KEYS.previousSigning });
  const previous = !read.ok && read.reason === 'KeyNotFound' ? undefined : take(report, path, read);
  return previous === undefined ? [current] : [current, previous];
}

function warnOfDates(report: Report, { facts }: TlsPair, now: number): void {
  const path = 'spec.tls.secretRef';
  if (now >= facts.notAfter) {
    report.advise('warning', 'The certificate has expired: senders who verify it refuse this relay. Renew it.', path);
  } else if (now < facts.notBefore) {
    report.advise('warning', 'The certificate is not valid yet: senders who verify it refuse this relay.', path);
  } else if (facts.notAfter - now < EXPIRY_WARNING_MS) {
    const days = Math.floor((facts.notAfter - now) / DAY_MS);
    report.advise('warning', `The certificate expires in ${days} days, and nothing has renewed it yet.`, path);
  }
}

function compileOutbound(
  spec: RelayFleetSpec,
  secrets: SecretReader,
  report: Report,
): Pick<FleetDraft, 'outbound' | 'outboundHeld'> {
  const { route, smartHost, addressFamily, dnsServers = [], egressCIDRs = [] } = spec.outbound;
  if (route === 'MX') {
    report.advise(
      'note',
      'Mail for the internet goes to MX hosts, where a message to several recipient domains takes several ' +
        'deliveries: senders are asked to send it again for each further domain. A smart host ' +
        '(outbound.route: SmartHost) avoids that.',
      'spec.outbound.route',
    );
    return { outbound: { route, addressFamily, dnsServers, egressCIDRs }, outboundHeld: false };
  }
  const path = 'spec.outbound.smartHost';
  if (smartHost === undefined) report.rejectField(path, 'it is missing, and outbound.route is SmartHost.');
  const compiled = smartHost && compileNextHop(smartHost, {}, secrets, report, path);
  // Without its password or certificate a smart host would refuse mail for good that it would have taken.
  const nextHop = compiled ?? { hosts: [], tls: { mode: 'Verified' as const }, addressFamily, limits: {} };
  return { outbound: { route, smartHost: nextHop, dnsServers, egressCIDRs }, outboundHeld: compiled === undefined };
}

export interface FleetSurroundings {
  /** Domain of its oldest SharedDomain. */
  readonly oldestDomain: string | undefined;
  /** First domain of its oldest TenantRoute. */
  readonly oldestRoutingDomain: string | undefined;
  readonly fromFiles: boolean;
}

/** The fleet's part of the configuration, with the defaults that depend on what it serves. */
export function compileFleet(fleet: FleetDraft, around: FleetSurroundings): FleetConfig {
  const { spec, report } = fleet;
  const hostname = spec.hostname ?? (around.oldestDomain === undefined ? NO_HOSTNAME : `relay.${around.oldestDomain}`);
  if (spec.hostname === undefined && around.oldestDomain !== undefined) {
    report.advise(
      'warning',
      `No hostname is set: ${hostname} is assumed. Set it to the name that your MX records name.`,
      'spec.hostname',
    );
  }
  if (fleet.tlsPair !== undefined && !fleet.tlsPair.facts.names.some((name) => covers(name, hostname))) {
    const names = fleet.tlsPair.facts.names.join(', ') || 'no DNS name';
    report.advise(
      'warning',
      `The certificate does not cover the host name ${hostname}; it is for ${names}.`,
      'spec.tls.secretRef',
    );
  }
  const postmaster = compilePostmaster(fleet, around);
  return {
    name: fleet.name,
    hostname,
    ...(postmaster !== undefined && { postmaster }),
    ...(fleet.traceKeys && { traceKeys: [...fleet.traceKeys] }),
    tls: fleet.tls,
    outbound: fleet.outbound,
    limits: spec.limits,
    ...compileProxyProtocol(spec, report),
    lameDuckSeconds: spec.lameDuckSeconds ?? (around.fromFiles ? 0 : LAME_DUCK_SECONDS),
    drainSeconds: spec.drainSeconds,
  };
}

/** Left out where it is disabled: an earlier relay reads the same configuration. */
function compileProxyProtocol(
  { proxyProtocol: { mode, trustedCIDRs = [] } }: RelayFleetSpec,
  report: Report,
): Pick<FleetConfig, 'proxyProtocol'> {
  if (mode === 'Disabled') return {};
  const everybody = trustedCIDRs.find((cidr) => cidr.endsWith('/0'));
  if (everybody !== undefined) {
    report.advise(
      'warning',
      `${everybody} is everybody: whoever connects may name any address, and so be any tenant. Name the networks of ` +
        'your load balancers.',
      'spec.proxyProtocol.trustedCIDRs',
    );
  }
  return { proxyProtocol: { mode, trustedCIDRs } };
}

function compilePostmaster(fleet: FleetDraft, around: FleetSurroundings): string | undefined {
  const { postmaster } = fleet.spec;
  if (postmaster === undefined) {
    return around.oldestRoutingDomain === undefined ? undefined : `postmaster@${around.oldestRoutingDomain}`;
  }
  const parsed = parseMailbox(postmaster);
  if (parsed.ok) return formatMailbox(parsed.value);
  fleet.report.rejectField('spec.postmaster', `it ${parsed.reason}.`);
  return undefined;
}

/** RFC 6125 §6.4.3: a wildcard stands for the whole first label and nothing more. */
function covers(name: string, hostname: string): boolean {
  if (name === hostname) return true;
  const dot = hostname.indexOf('.');
  return name.startsWith('*.') && dot > 0 && name.slice(2) === hostname.slice(dot + 1);
}
