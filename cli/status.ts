/** `isthmus status`: how everything in a cluster is, what is wrong first, and what to do about it. */

import { CLUSTER_OPTIONS, readClusterChoice } from './cluster/options.ts';
import { type Cluster, inCluster } from './cluster/reach.ts';
import { listingOf, listResources } from './cluster/resources.ts';
import { refusal } from './cluster/refusal.ts';
import { CommandLineError, helpText, type Invocation, type OptionSpecs, parseCommandLine } from './command-line.ts';
import { awayOperator, operatorLeases } from './status-operator.ts';
import { type Story, storyOf } from './status-story.ts';
import { statusText } from './status-text.ts';

const OPTIONS: OptionSpecs = {
  ...CLUSTER_OPTIONS,
  output: { value: 'FORMAT', short: 'o', help: 'text (default), wide: more columns and every row, or json' },
  help: { help: 'this text' },
};

const SUMMARY = `\
Says how the fleets, shared domains, tenant routes and rewrite rules of a cluster are: whatever is not ready comes first,
with its reason and what to do.
Exit code 0: all of it is ready. 1: something is not, there is nothing, or no operator runs. 2: the command line is wrong, or the cluster
cannot be asked.`;

export async function runStatus(args: readonly string[], invocation: Invocation): Promise<number> {
  const { program } = invocation;
  const line = parseCommandLine('status', OPTIONS, args, invocation);
  if (line.has('help')) {
    process.stdout.write(helpText(`${program} status [-n NAMESPACE | -A] [options]`, SUMMARY, OPTIONS));
    return 0;
  }
  const [stray] = line.positionals;
  if (stray !== undefined) {
    throw new CommandLineError(`"${stray}" stands alone`, `did you mean ${program} status -n ${stray} ?`);
  }
  const output = line.one('output') ?? 'text';
  if (output !== 'text' && output !== 'wide' && output !== 'json') {
    throw new CommandLineError(`--output "${output}" is unknown`, 'write text, wide or json');
  }
  const story = await inCluster(readClusterChoice(line), look);
  process.stdout.write(
    output === 'json'
      ? `${JSON.stringify(story, undefined, 2)}\n`
      : statusText(story, { wide: output === 'wide', now: Date.now() }),
  );
  return story.ready ? 0 : 1;
}

async function look({ api, scope }: Cluster): Promise<Story> {
  const { objects, forbidden } = await listResources(api, scope);
  const unreadable = forbidden.map(({ kind, failure }) => {
    const { message, advice } = refusal(failure, listingOf(kind, scope));
    return { kind, message: `${message}; ${advice}` };
  });
  return storyOf(objects, scope, unreadable, awayOperator(await operatorLeases(api, scope), Date.now()));
}
