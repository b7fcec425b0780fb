/** `isthmus explain`: says step by step what the relay would do with a message, and why. Sends nothing, resolves nothing. */

import { createTraceKeys } from '../relay/auth/trace-key.ts';
import { buildDirectory } from '../relay/core/directory.ts';
import { helpText } from './command-line.ts';
import { compileManifests } from './compilation.ts';
import { diagnose } from './diagnosis.ts';
import { whatIsWaitedFor } from './explain-held.ts';
import { remembered } from './explain-memory.ts';
import { EXPLAIN_OPTIONS, EXPLAIN_SUMMARY, type ExplainCommand, parseExplainCommand } from './explain-options.ts';
import { explanationText } from './explain-text.ts';
import { standInForSecrets } from './explain-stand-in.ts';
import { explain } from './explanation.ts';
import { chooseFleet } from './fleet-choice.ts';
import { readManifests } from './manifests/read.ts';

const USAGE = 'isthmus explain --manifests DIR --client ADDRESS --from ADDRESS --to ADDRESS [options] [MESSAGE]';

export async function runExplain(args: readonly string[]): Promise<number> {
  const command = parseExplainCommand(args);
  if (command === undefined) {
    process.stdout.write(helpText(USAGE, EXPLAIN_SUMMARY, EXPLAIN_OPTIONS));
    return 0;
  }
  const { accepted, text } = await answer(command);
  process.stdout.write(text);
  return accepted ? 0 : 1;
}

/** Throws a CommandLineError when there is nothing to ask. */
export async function answer(command: ExplainCommand): Promise<{ readonly accepted: boolean; readonly text: string }> {
  const now = new Date();
  const { manifests, names: madeUpSecrets } = standInForSecrets(readManifests(command.manifests));
  const compiled = compileManifests(manifests, { ...remembered(command.dataFolder), now });
  const { name: fleet, config, credentials } = chooseFleet(compiled.fleets, command.fleet);
  const trace = createTraceKeys(config.fleet, credentials);
  const explanation = await explain({ ...command, directory: buildDirectory(config), trace, now });
  const { accepted, held } = explanation;
  const diagnoses = diagnose(manifests, compiled, { secretsMayBeMissing: false });
  const waitsFor = held ? whatIsWaitedFor(diagnoses, compiled.tombstones) : [];
  if (command.output === 'text') return { accepted, text: explanationText(explanation, waitsFor, madeUpSecrets) };
  const story = { fleet, revision: config.revision, ...explanation, waitsFor, madeUpSecrets };
  return { accepted, text: `${JSON.stringify(story, undefined, 2)}\n` };
}
