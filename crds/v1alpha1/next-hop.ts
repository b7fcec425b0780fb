/** NextHop: a mail system that mail is handed to, a tenant's or the smart host. */

import { z } from 'zod';
import { dnsName, domainName, hostName } from './names.ts';
import { SECRET_KEYS, secretKeyRef, secretRef } from './references.ts';
import { atomic, withRules } from './rules.ts';

export const port = z.int().min(1).max(65535);

const VERIFIED = "self.mode in ['Verified', 'Implicit']";

export const addressFamily = z.enum(['IPv4', 'IPv6', 'Any']);

const host = z.object({
  host: hostName('Name or address of the host. A name is looked up as A and AAAA records, never as MX.'),
  port: port.default(25).describe('TCP port.'),
});

const tls = withRules(
  z.object({
    mode: z
      .enum(['Opportunistic', 'Required', 'Verified', 'Implicit'])
      .default('Opportunistic')
      .describe(
        'Opportunistic: STARTTLS when offered, whatever the certificate. Required: never without TLS. ' +
          'Verified: STARTTLS and a certificate that is valid for the name. Implicit: TLS from the first byte ' +
          '(usually port 465) and a certificate that is valid for the name.',
      ),
    serverName: dnsName(
      'The name that is sent as SNI and that the certificate must carry. Default: the host.',
    ).optional(),
    caSecretRef: secretKeyRef(
      SECRET_KEYS.authorities,
      "PEM certificates of the authorities that vouch for the next hop. Default: Node.js's bundled roots.",
    ).optional(),
  }),
  {
    rule: `!has(self.caSecretRef) || ${VERIFIED}`,
    message: 'caSecretRef has an effect only when certificates are verified: set mode to Verified or Implicit',
  },
);

export function nextHop(description: string) {
  const fields = z.object({
    hosts: atomic(z.array(host).min(1).max(16))
      .describe('Hosts that are tried in this order within one session. Set this or mxOf.')
      .optional(),
    mxOf: domainName('Deliver to the MX hosts of this domain. Set this or hosts.').optional(),
    tls: tls.prefault({}).describe('How connections to it are protected.'),
    clientCertificateSecretRef: secretRef(
      'A kubernetes.io/tls Secret (keys tls.crt and tls.key) whose certificate is shown to the next hop.',
    ).optional(),
    auth: z
      .object({
        secretRef: secretRef('A Secret with the keys username and password, as of type kubernetes.io/basic-auth.'),
      })
      .describe('User name and password for SMTP AUTH. Sent only over verified TLS.')
      .optional(),
    addressFamily: addressFamily
      .default('IPv4')
      .describe('Which addresses of a host are tried. Exchange Online connectors know no IPv6 addresses.'),
    exchangeConnector: z
      .enum(['Partner', 'OnPremises'])
      .default('Partner')
      .describe(
        'The type of the inbound connector when the next hop is Exchange Online. Partner attributes mail by ' +
          'recipient domain and suffices; OnPremises attributes by certificate.',
      ),
  });
  return withRules(
    fields.describe(description),
    { rule: 'has(self.hosts) != has(self.mxOf)', message: 'set exactly one of hosts and mxOf' },
    {
      rule: "!has(self.auth) || self.tls.mode in ['Verified', 'Implicit']",
      message: 'a password is sent only over verified TLS: set tls.mode to Verified or Implicit, or leave out auth',
    },
    {
      rule: "self.exchangeConnector != 'OnPremises' || has(self.clientCertificateSecretRef)",
      message:
        'an OnPremises connector knows its tenant by the certificate: set clientCertificateSecretRef to one that ' +
        'no other tenant uses, or exchangeConnector to Partner',
    },
  );
}
