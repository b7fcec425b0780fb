/** `isthmus check`: says everything that the API server and the operator would say about manifests, or say about a cluster. */

import { type CheckResult, checkAgainst, checkCluster } from './cluster/check.ts';
import { readGiven } from './cluster/given.ts';
import { CLUSTER_OPTIONS, readClusterChoice, refuseClusterOptions } from './cluster/options.ts';
import { inCluster } from './cluster/reach.ts';
import {
  type CommandLine,
  CommandLineError,
  helpText,
  type Invocation,
  type OptionSpecs,
  parseCommandLine,
} from './command-line.ts';
import { compileManifests } from './compilation.ts';
import { counted, type Diagnosis, diagnose, formatDiagnosis } from './diagnosis.ts';
import { readManifests } from './manifests/read.ts';

const OPTIONS: OptionSpecs = {
  cluster: { help: 'check what is in a cluster' },
  filename: {
    value: 'DIR',
    short: 'f',
    multiple: true,
    help: 'check what would become of these files, or - for standard input, if they were applied to the cluster',
  },
  ...CLUSTER_OPTIONS,
  strict: { help: 'a Secret that is not in the folder, or that you may not read, is an error, not a warning' },
  output: { value: 'FORMAT', short: 'o', help: 'text (default) or json' },
  help: { help: 'this text' },
};

const SUMMARY = `Reads the manifests of the folder (of several folders a later one replaces objects of the same kind and name) and says
what is wrong with them: schema, unknown fields, references that lead nowhere, rules that collide, domains claimed twice.
With --cluster, which kubectl isthmus check needs not say, the same of what is in a cluster; with -f, what would become of
files there: what is new, what they break, who would hold another's name.
Exit code 0: all of it would be in force. 1: something would not. 2: the command line is wrong, or the cluster cannot be
asked.`;

export async function runCheck(args: readonly string[], invocation: Invocation): Promise<number> {
  const { program, plugin } = invocation;
  const line = parseCommandLine('check', OPTIONS, args, invocation);
  if (line.has('help')) {
    const usage = plugin
      ? `${program} check [-f DIR] [-n NAMESPACE | -A]`
      : `${program} check DIR... | --cluster [-f DIR]`;
    process.stdout.write(helpText(`${usage} [options]`, SUMMARY, OPTIONS));
    return 0;
  }
  const output = line.one('output') ?? 'text';
  if (output !== 'text' && output !== 'json')
    throw new CommandLineError(`--output "${output}" is unknown`, 'write text or json');
  const { resources, diagnoses } = await check(line, invocation);
  const count = (severity: Diagnosis['severity']) => diagnoses.filter((one) => one.severity === severity).length;
  const errors = count('error');
  if (output === 'json') {
    const summary = { resources, errors, warnings: count('warning'), problems: diagnoses };
    process.stdout.write(`${JSON.stringify(summary, undefined, 2)}\n`);
  } else {
    for (const diagnosis of diagnoses) process.stdout.write(`${formatDiagnosis(diagnosis)}\n`);
    process.stdout.write(
      `${counted(resources, 'resource')}, ${counted(errors, 'error')}, ${counted(count('warning'), 'warning')}\n`,
    );
  }
  return errors === 0 ? 0 : 1;
}

async function check(line: CommandLine, { program, plugin }: Invocation): Promise<CheckResult> {
  const folders = line.positionals;
  const files = line.all('filename');
  const options = { strict: line.has('strict'), now: new Date() };
  if (folders.length > 0) {
    const instead = `${program} check ${plugin ? '' : '--cluster '}-f ${folders[0]} lays files over the cluster`;
    if (line.has('cluster') || files.length > 0) throw new CommandLineError(`"${folders[0]}" stands alone`, instead);
    refuseClusterOptions(line, instead);
    return checkFolders(folders, options);
  }
  if (!plugin && !line.has('cluster') && files.length === 0) {
    throw new CommandLineError('which folder?', 'isthmus check DIR, or isthmus check --cluster');
  }
  const choice = readClusterChoice(line);
  if (files.length === 0) return inCluster(choice, (cluster) => checkCluster(cluster, options));
  const given = readGiven(files);
  return inCluster(choice, (cluster) => checkAgainst(cluster, given, choice.namespace, options));
}

function checkFolders(folders: readonly string[], { strict, now }: { strict: boolean; now: Date }): CheckResult {
  const manifests = readManifests(folders);
  const compiled = compileManifests(manifests, { state: { running: [], tombstones: [] }, now });
  return {
    resources: manifests.documents.filter(({ content }) => content.type !== 'data').length,
    diagnoses: diagnose(manifests, compiled, { secretsMayBeMissing: !strict }),
  };
}
