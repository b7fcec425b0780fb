/** What is written into the private Postfix's main.cf and master.cf for the part it plays in a test. */

import { join } from 'node:path';

// Owner of the delivered mail: nobody, on every Debian.
export const NOBODY = 65_534;

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface PostfixOptions {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  /** As next hop: takes exactly these addresses into maildirs and refuses others of their domains with 550 5.1.1. */
  readonly mailboxes?: readonly string[];
  /** As next hop: takes every address of these domains and passes the mail on. */
  readonly relay?: { readonly domains: readonly string[]; readonly to: Target };
  /** As sender: everything from loopback that is not taken by the above is sent there. */
  readonly relayHost?: Target;
  /** As before-queue proxy: every transaction is played to this server before it is answered; nothing is queued. */
  readonly proxyTo?: Target;
  /** Offers STARTTLS (`may`) or demands it (`encrypt`). With `ca`, clients' certificates are asked for and checked. */
  readonly tls?: { certificate: string; key: string; ca?: string; level?: 'may' | 'encrypt' };
  /** Further lines of main.cf; they win. */
  readonly settings?: Readonly<Record<string, string>>;
}

interface SettingsAndFiles {
  readonly settings: Record<string, string>;
  /** Lookup tables: name in the configuration folder to content. */
  readonly files: Record<string, string>;
}

/** main.cf of an instance that lives in `directory`, and the tables it names. */
export function settingsAndFiles(options: PostfixOptions, address: string, directory: string): SettingsAndFiles {
  const files: Record<string, string> = {};
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: join(directory, 'queue'),
    data_directory: join(directory, 'data'),
    maillog_file: join(directory, 'log'),
    maillog_file_prefixes: directory,
    inet_interfaces: address,
    inet_protocols: address.includes(':') ? 'ipv6' : 'ipv4',
    myhostname: options.hostname ?? 'postfix.example',
    mydestination: '',
    alias_maps: '',
    local_recipient_maps: '',
    mynetworks: '127.0.0.0/8 [::1]/128 198.51.100.0/24',
    smtpd_peername_lookup: 'no',
    smtp_host_lookup: 'native',
    smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
    // A test must not wait for the pauses that slow strangers down, nor for the pacing that spares a busy disk.
    smtpd_error_sleep_time: '0',
    in_flow_delay: '0',
    minimal_backoff_time: '5s',
    queue_run_delay: '5s',
  };
  if (options.mailboxes !== undefined) {
    const domains = new Set(options.mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf('@') + 1)));
    files['mailboxes'] = options.mailboxes.map((mailbox) => `${mailbox} ${mailbox}/\n`).join('');
    Object.assign(settings, {
      virtual_mailbox_domains: [...domains].join(', '),
      virtual_mailbox_maps: `texthash:${join(directory, 'etc', 'mailboxes')}`,
      virtual_mailbox_base: join(directory, 'mail'),
      virtual_uid_maps: `static:${NOBODY}`,
      virtual_gid_maps: `static:${NOBODY}`,
      virtual_mailbox_limit: '0',
      message_size_limit: '157286400',
    });
  }
  if (options.relay !== undefined) {
    settings['relay_domains'] = options.relay.domains.join(', ');
    settings['relay_transport'] = `smtp:${bracketed(options.relay.to)}`;
  }
  if (options.relayHost !== undefined) settings['relayhost'] = bracketed(options.relayHost);
  if (options.tls !== undefined) {
    Object.assign(settings, {
      smtpd_tls_security_level: options.tls.level ?? 'may',
      smtpd_tls_cert_file: options.tls.certificate,
      smtpd_tls_key_file: options.tls.key,
      smtpd_tls_loglevel: '1',
      smtpd_tls_received_header: 'yes',
    });
    if (options.tls.ca !== undefined) {
      settings['smtpd_tls_CAfile'] = options.tls.ca;
      settings['smtpd_tls_ask_ccert'] = 'yes';
    }
  }
  return { settings, files };
}

const bracketed = (target: Target) => `[${target.host}]:${target.port}`;

/** master.cf */
export function services(address: string, port: number, options: PostfixOptions): string {
  const proxy = options.proxyTo === undefined ? '' : ` -o smtpd_proxy_filter=${bracketed(options.proxyTo)}`;
  const listen = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `${listen} inet n - n - - smtpd${proxy}
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}
