/** `isthmus`, and `kubectl isthmus`: finds the subcommand and runs it. */

import { CommandLineError, type Invocation, KUBECTL_PLUGIN, STANDALONE } from './command-line.ts';

const USAGE = `Isthmus: one mail domain over several mail systems.

  isthmus relay --manifests DIR   run a relay from a folder of manifests
  isthmus check DIR               say everything that is wrong with a folder of manifests, or with a cluster
  isthmus explain --manifests DIR say what would become of one message, and why
  isthmus status                  say how everything in a cluster is, and what to do
  isthmus import FILE...          make manifests of address tables of Exchange and Postfix

Each of them explains itself: isthmus relay --help
`;

const PLUGIN_USAGE = `Isthmus: one mail domain over several mail systems.

  kubectl isthmus status          say how everything in the cluster is, and what to do
  kubectl isthmus check           say everything that is wrong there; -f DIR: what would become of these files
  kubectl isthmus explain         say what would become of one message there, and why
  kubectl isthmus import FILE...  make manifests of address tables of Exchange and Postfix

Each of them explains itself: kubectl isthmus status --help
`;

/** What the launcher of the plugin says first. */
const CALLED_BY_KUBECTL = '--called-by-kubectl';

async function main(args: readonly string[], invocation: Invocation): Promise<number> {
  const [subcommand, ...rest] = args;
  switch (subcommand) {
    case 'relay':
      return (await import('./relay.ts')).runRelay(rest);
    case 'check':
      return (await import('./check.ts')).runCheck(rest, invocation);
    case 'explain':
      return (await import('./explain.ts')).runExplain(rest, invocation);
    case 'status':
      return (await import('./status.ts')).runStatus(rest, invocation);
    case 'import':
      return (await import('./import.ts')).runImport(rest);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(invocation.plugin ? PLUGIN_USAGE : USAGE);
      return subcommand === undefined ? 2 : 0;
    default:
      throw new CommandLineError(
        `there is no command "${subcommand}"`,
        `${invocation.program} --help lists the commands`,
      );
  }
}

// npm runs scripts in the project's folder; the paths a user gives are meant from where he stands.
const { INIT_CWD, npm_lifecycle_event } = process.env;
if (npm_lifecycle_event === 'isthmus' && INIT_CWD !== undefined) process.chdir(INIT_CWD);

const [first, ...others] = process.argv.slice(2);
const plugin = first === CALLED_BY_KUBECTL;
const invocation = plugin ? KUBECTL_PLUGIN : STANDALONE;
try {
  process.exitCode = await main(plugin ? others : process.argv.slice(2), invocation);
} catch (error) {
  if (!(error instanceof CommandLineError)) throw error;
  process.stderr.write(`${invocation.program}: ${error.message}\n${error.advice}\n`);
  process.exitCode = 2;
}
