/** `isthmus explain`: says step by step what the relay would do with a message, and why. Sends nothing, resolves nothing. */

import { createTraceKeys } from '../relay/auth/trace-key.ts';
import { buildDirectory } from '../relay/core/directory.ts';
import { worldOfCluster } from './cluster/world.ts';
import { helpText, type Invocation } from './command-line.ts';
import { EXPLAIN_OPTIONS, EXPLAIN_SUMMARY, type ExplainCommand, parseExplainCommand } from './explain-options.ts';
import { explanationText } from './explain-text.ts';
import { worldOfFolders } from './explain-world.ts';
import { explain } from './explanation.ts';

const QUESTION = '--client ADDRESS --from ADDRESS --to ADDRESS [options] [MESSAGE]';

export async function runExplain(args: readonly string[], invocation: Invocation): Promise<number> {
  const { program, plugin } = invocation;
  const command = parseExplainCommand(args, invocation);
  if (command === undefined) {
    const usage = `${program} explain ${plugin ? '[-n NAMESPACE]' : '--manifests DIR'} ${QUESTION}`;
    process.stdout.write(helpText(usage, EXPLAIN_SUMMARY, EXPLAIN_OPTIONS));
    return 0;
  }
  const { accepted, text } = await answer(command);
  process.stdout.write(text);
  return accepted ? 0 : 1;
}

/** Throws a CommandLineError when there is nothing to ask. */
export async function answer(command: ExplainCommand): Promise<{ readonly accepted: boolean; readonly text: string }> {
  const now = new Date();
  const { source, fleet: wanted, output } = command;
  const world =
    source.type === 'Folders' ? worldOfFolders(source, wanted, now) : await worldOfCluster(source, wanted, now);
  const { fleet, config, credentials, madeUpSecrets, notes } = world;
  const trace = createTraceKeys(config.fleet, credentials);
  const explanation = await explain({ ...command, directory: buildDirectory(config), trace, now });
  const { accepted, held } = explanation;
  const waitsFor = held ? world.waitsFor : [];
  if (output === 'text') return { accepted, text: explanationText(explanation, waitsFor, notes) };
  const story = { fleet, revision: config.revision, ...explanation, waitsFor, madeUpSecrets, notes };
  return { accepted, text: `${JSON.stringify(story, undefined, 2)}\n` };
}
