/** Options of `isthmus explain`. */

import { readFileSync } from 'node:fs';
import { parseAddress } from '../relay/core/network.ts';
import { CLUSTER_OPTIONS, readClusterChoice, refuseClusterOptions } from './cluster/options.ts';
import type { ClusterSource } from './cluster/world.ts';
import {
  type CommandLine,
  CommandLineError,
  type Invocation,
  type OptionSpecs,
  parseCommandLine,
  STANDALONE,
} from './command-line.ts';
import type { FolderSource } from './explain-world.ts';

/** A message is sent to one fleet, and a fleet is in one namespace. */
const { 'all-namespaces': _allNamespaces, ...ONE_NAMESPACE } = CLUSTER_OPTIONS;

export const EXPLAIN_OPTIONS: OptionSpecs = {
  manifests: {
    value: 'DIR',
    multiple: true,
    help: 'folder of manifests; a later one replaces objects of the same kind and name',
  },
  cluster: { help: 'ask about the resources of a cluster instead; kubectl isthmus explain does so by itself' },
  running: { help: "ask about what the cluster's pods run now, which resources that were changed may differ from" },
  filename: {
    value: 'DIR',
    short: 'f',
    multiple: true,
    help: 'files, or - for standard input, laid over the resources of the cluster, as if they were applied',
  },
  ...ONE_NAMESPACE,
  client: { value: 'ADDRESS', help: 'IP address of the client' },
  tls: { help: 'the client has begun TLS' },
  certificate: { value: 'NAME', help: 'it shows a certificate for this DNS name, taken as verified; implies --tls' },
  tenant: { value: 'GUID', help: "Exchange Online's tenant id, if the message does not hold the field itself" },
  organization: { value: 'DOMAIN', help: 'what Exchange Online says with XOORG=, if the relay offers that to it' },
  from: { value: 'ADDRESS', help: 'reverse-path; "" for the null reverse-path' },
  to: { value: 'ADDRESS', multiple: true, help: 'recipient; may be given several times' },
  fleet: { value: 'NAME', help: 'which RelayFleet to ask, when the manifests have several' },
  data: { value: 'DIR', help: "the relay's --data: what it remembers; nothing is written there" },
  output: { value: 'FORMAT', short: 'o', help: 'text (default) or json' },
  help: { help: 'this text' },
};

export const EXPLAIN_SUMMARY = `\
Says step by step what the relay would do with a message: who the client is, which rule matched and why the others did
not, what becomes of the header, and the next hop. MESSAGE is a file, or - for standard input. Nothing is sent, no name is
looked up, and next hops are taken to accept everything. Asked are manifests, or a cluster: its resources, or what its pods
run now.
Exit code 0: accepted for every recipient. 1: not. 2: the command line is wrong, or the cluster cannot be asked.`;

export interface ExplainCommand {
  readonly source: FolderSource | ClusterSource;
  readonly client: { readonly address: string; readonly tls: boolean; readonly certificate: string | undefined };
  readonly tenantId: string | undefined;
  readonly organization: string | undefined;
  /** Without angle brackets. */
  readonly from: string;
  readonly to: readonly string[];
  readonly message: Uint8Array | undefined;
  readonly fleet: string | undefined;
  readonly output: 'text' | 'json';
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DNS_NAME = /^(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;

/** undefined: only help was asked for. */
export function parseExplainCommand(
  args: readonly string[],
  invocation: Invocation = STANDALONE,
): ExplainCommand | undefined {
  const line = parseCommandLine('explain', EXPLAIN_OPTIONS, args, invocation);
  if (line.has('help')) return undefined;
  const [file, stray] = line.positionals;
  if (stray !== undefined) throw new CommandLineError(`"${stray}" stands alone`, 'one message at a time');
  const needed = (option: string, question: string) => {
    const value = line.one(option);
    if (value === undefined)
      throw new CommandLineError(question, `--${option} says it; ${invocation.program} explain --help`);
    return value;
  };
  const source = readSource(line, invocation);
  const address = parseAddress(needed('client', 'which client?'))?.toString();
  if (address === undefined) {
    throw new CommandLineError(`--client "${line.one('client')}" is no IP address`, 'write 192.0.2.1 or 2001:db8::1');
  }
  const output = line.one('output') ?? 'text';
  if (output !== 'text' && output !== 'json')
    throw new CommandLineError(`--output "${output}" is unknown`, 'write text or json');
  const from = needed('from', 'who is the sender?');
  needed('to', 'who is the recipient?');
  const certificate = checked(line.one('certificate'), 'certificate', DNS_NAME, 'write a DNS name: mail.example.org');
  return {
    source,
    client: { address, tls: line.has('tls') || certificate !== undefined, certificate: certificate?.toLowerCase() },
    tenantId: checked(line.one('tenant'), 'tenant', GUID, 'write a GUID: 11111111-2222-3333-4444-555555555555'),
    organization: checked(
      line.one('organization'),
      'organization',
      DNS_NAME,
      'write a domain: example.onmicrosoft.com',
    ),
    from: withoutBrackets(from),
    to: line.all('to').map(withoutBrackets),
    message: file === undefined ? undefined : readMessage(file),
    fleet: line.one('fleet'),
    output,
  };
}

function readSource(line: CommandLine, { plugin }: Invocation): FolderSource | ClusterSource {
  const folders = line.all('manifests');
  const [running, files] = [line.has('running'), line.all('filename')];
  const isCluster = line.has('cluster') || running || files.length > 0;
  if (folders.length > 0) {
    const instead = 'leave --manifests out to ask a cluster; -f DIR lays files over it';
    if (isCluster) throw new CommandLineError('manifests or a cluster?', instead);
    refuseClusterOptions(line, instead);
    return { type: 'Folders', folders, dataFolder: line.one('data') };
  }
  if (!isCluster && !plugin) {
    throw new CommandLineError('which folder of manifests?', '--manifests DIR names it; --cluster asks a cluster');
  }
  if (running && files.length > 0) {
    throw new CommandLineError(
      '--running and --filename exclude each other',
      'what runs cannot be told with files over it',
    );
  }
  if (line.has('data')) throw new CommandLineError("--data is a relay's that runs from files", 'leave it out');
  return { type: 'Cluster', choice: readClusterChoice(line), running, files };
}

function checked(value: string | undefined, option: string, pattern: RegExp, advice: string): string | undefined {
  if (value === undefined || pattern.test(value)) return value;
  throw new CommandLineError(`--${option} "${value}" is none`, advice);
}

function withoutBrackets(text: string): string {
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

function readMessage(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandLineError(`${file} cannot be read: ${reason}`, 'name a file that holds one message, or -');
  }
}
