/** Turns a NextHop of a resource into the relay's: all of it, or nothing when a part of it cannot be read. */

import type { z } from 'zod';
import type { nextHop } from '../../crds/v1alpha1/next-hop.ts';
import type { NextHopConfig } from '../../relay/core/config.ts';
import type { Report } from './conditions.ts';
import { type SecretReader, take } from './credentials.ts';

export type NextHopSpec = z.output<ReturnType<typeof nextHop>>;

/** undefined: `report` says why. A next hop without its certificate or password would be spoken to as a stranger. */
export function compileNextHop(
  spec: NextHopSpec,
  limits: NextHopConfig['limits'],
  secrets: SecretReader,
  report: Report,
  path: string,
): NextHopConfig | undefined {
  if ((spec.hosts === undefined) === (spec.mxOf === undefined)) {
    report.rejectField(path, 'set exactly one of hosts and mxOf.');
    return undefined;
  }
  if (spec.auth !== undefined && spec.tls.mode !== 'Verified' && spec.tls.mode !== 'Implicit') {
    report.rejectField(path, 'a password is sent only over verified TLS: set tls.mode to Verified or Implicit.');
    return undefined;
  }
  const { caSecretRef, serverName } = spec.tls;
  const certificateRef = spec.clientCertificateSecretRef;
  const ca = caSecretRef && take(report, `${path}.tls.caSecretRef`, secrets.authorities(caSecretRef));
  const pair =
    certificateRef && take(report, `${path}.clientCertificateSecretRef`, secrets.tlsPair(certificateRef.name));
  const auth = spec.auth && take(report, `${path}.auth.secretRef`, secrets.login(spec.auth.secretRef.name));
  const unread =
    (caSecretRef !== undefined && ca === undefined) ||
    (certificateRef !== undefined && pair === undefined) ||
    (spec.auth !== undefined && auth === undefined);
  if (unread) return undefined;
  return {
    ...(spec.hosts && { hosts: spec.hosts.map(({ host, port }) => ({ host, port })) }),
    ...(spec.mxOf !== undefined && { mxOf: spec.mxOf }),
    tls: { mode: spec.tls.mode, ...(serverName !== undefined && { serverName }), ...(ca !== undefined && { ca }) },
    ...(pair && { clientCertificate: { certificate: pair.certificate, key: pair.key } }),
    ...(auth && { auth }),
    addressFamily: spec.addressFamily,
    limits,
  };
}
