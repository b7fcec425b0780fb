/** `isthmus`: finds the subcommand and runs it. */

import { CommandLineError } from './command-line.ts';

const USAGE = `Isthmus: one mail domain over several mail systems.

  isthmus relay --manifests DIR   run a relay from a folder of manifests
  isthmus check DIR               say everything that is wrong with a folder of manifests
  isthmus explain --manifests DIR say what would become of one message, and why
  isthmus import FILE...          make manifests of address tables of Exchange and Postfix

Each of them explains itself: isthmus relay --help
`;

async function main(args: readonly string[]): Promise<number> {
  const [subcommand, ...rest] = args;
  switch (subcommand) {
    case 'relay':
      return (await import('./relay.ts')).runRelay(rest);
    case 'check':
      return (await import('./check.ts')).runCheck(rest);
    case 'explain':
      return (await import('./explain.ts')).runExplain(rest);
    case 'import':
      return (await import('./import.ts')).runImport(rest);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(USAGE);
      return subcommand === undefined ? 2 : 0;
    default:
      throw new CommandLineError(`there is no command "${subcommand}"`, 'isthmus --help lists the commands');
  }
}

// npm runs scripts in the project's folder; the paths a user gives are meant from where he stands.
const { INIT_CWD, npm_lifecycle_event } = process.env;
if (npm_lifecycle_event === 'isthmus' && INIT_CWD !== undefined) process.chdir(INIT_CWD);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommandLineError)) throw error;
  process.stderr.write(`isthmus: ${error.message}\n${error.advice}\n`);
  process.exitCode = 2;
}
