/** Options of `isthmus relay`. */

import { tmpdir } from 'node:os';
import {
  CommandLineError,
  type ListenAddress,
  type OptionSpecs,
  parseCommandLine,
  parseCount,
  parseListenAddress,
} from './command-line.ts';

export const RELAY_OPTIONS: OptionSpecs = {
  manifests: {
    value: 'DIR',
    multiple: true,
    help: 'folder of manifests; a later one replaces objects of the same kind and name',
  },
  listen: {
    value: 'ADDRESS',
    multiple: true,
    help: 'where SMTP is spoken: PORT, ADDRESS:PORT or [IPV6]:PORT (default 2525)',
  },
  metrics: { value: 'ADDRESS', help: 'where /metrics, /status, /livez and /readyz answer (default: nowhere)' },
  'tls-cert': { value: 'FILE', help: "certificate chain shown to clients, PEM; wins over the fleet's tls.secretRef" },
  'tls-key': { value: 'FILE', help: 'its key, PEM' },
  'dns-server': {
    value: 'ADDRESS',
    multiple: true,
    help: "instead of the fleet's outbound.dnsServers: 192.0.2.1 or 192.0.2.1:5353",
  },
  workers: { value: 'N', help: 'processes that share the work (default 1); limits count in each of them' },
  data: {
    value: 'DIR',
    help: 'what must be remembered: self-signed certificate, signing key, what has disappeared (default ./isthmus-data)',
  },
  'spool-dir': {
    value: 'DIR',
    help: "where large bodies wait for their client's final dot (default: the system's folder for temporary files)",
  },
  fleet: { value: 'NAME', help: 'which RelayFleet to be, when the manifests have several' },
  help: { help: 'this text' },
};

export const RELAY_SUMMARY = `\
Runs a relay from folders of manifests and watches them: a changed rule is live within a second. A file that is broken is
refused with its line, and its last good content stays in force. SIGTERM drains; a second one ends at once.`;

export interface RelayCommand {
  readonly manifests: readonly string[];
  readonly listen: readonly ListenAddress[];
  readonly metrics: ListenAddress | undefined;
  readonly tlsFiles: { readonly certificate: string; readonly key: string } | undefined;
  readonly dnsServers: readonly string[];
  readonly workers: number;
  readonly dataFolder: string;
  readonly spoolFolder: string;
  readonly fleet: string | undefined;
}

/** undefined: only help was asked for. */
export function parseRelayCommand(args: readonly string[]): RelayCommand | undefined {
  const line = parseCommandLine('relay', RELAY_OPTIONS, args);
  if (line.has('help')) return undefined;
  const [stray] = line.positionals;
  if (stray !== undefined) throw new CommandLineError(`"${stray}" stands alone`, `did you mean --manifests ${stray} ?`);
  const manifests = line.all('manifests');
  if (manifests.length === 0) throw new CommandLineError('which folder of manifests?', 'isthmus relay --manifests DIR');
  const certificate = line.one('tls-cert');
  const key = line.one('tls-key');
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? '--tls-key' : '--tls-cert';
    throw new CommandLineError(`${missing} is missing`, '--tls-cert and --tls-key go together');
  }
  const listen = line.all('listen').map((text) => parseListenAddress('listen', text));
  const metrics = line.one('metrics');
  const workers = line.one('workers');
  return {
    manifests,
    listen: listen.length > 0 ? listen : [parseListenAddress('listen', '2525')],
    metrics: metrics === undefined ? undefined : parseListenAddress('metrics', metrics),
    tlsFiles: certificate === undefined || key === undefined ? undefined : { certificate, key },
    dnsServers: line.all('dns-server').map(checkDnsServer),
    workers: workers === undefined ? 1 : parseCount('workers', workers, 1, 64),
    dataFolder: line.one('data') ?? './isthmus-data',
    spoolFolder: line.one('spool-dir') ?? tmpdir(),
    fleet: line.one('fleet'),
  };
}

function checkDnsServer(text: string): string {
  if (/^(\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?|[0-9a-fA-F]*:[0-9a-fA-F:.]+)$/.test(text))
    return text;
  throw new CommandLineError(
    `--dns-server "${text}" is no address`,
    'write 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353',
  );
}
