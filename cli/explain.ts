/** `isthmus explain`: says step by step what the relay would do with a message, and why. Sends nothing, resolves nothing. */

import { buildDirectory } from '../relay/core/directory.ts';
import { helpText } from './command-line.ts';
import { compileManifests } from './compilation.ts';
import { diagnose } from './diagnosis.ts';
import { whatIsWaitedFor } from './explain-held.ts';
import { EXPLAIN_OPTIONS, EXPLAIN_SUMMARY, parseExplainCommand } from './explain-options.ts';
import { explanationText } from './explain-text.ts';
import { standInForSecrets } from './explain-stand-in.ts';
import { explain } from './explanation.ts';
import { chooseFleet } from './fleet-choice.ts';
import { readManifests } from './manifests/read.ts';
import { readState } from './state.ts';

const USAGE = 'isthmus explain --manifests DIR --client ADDRESS --from ADDRESS --to ADDRESS [options] [MESSAGE]';

export async function runExplain(args: readonly string[]): Promise<number> {
  const command = parseExplainCommand(args);
  if (command === undefined) {
    process.stdout.write(helpText(USAGE, EXPLAIN_SUMMARY, EXPLAIN_OPTIONS));
    return 0;
  }
  const now = new Date();
  const state = command.dataFolder === undefined ? { running: [], tombstones: [] } : readState(command.dataFolder);
  const { manifests, names: madeUp } = standInForSecrets(readManifests(command.manifests));
  const compiled = compileManifests(manifests, { state, now });
  const fleet = chooseFleet(compiled.fleets, command.fleet);
  const { client, tenantId, from, to, message, output } = command;
  const directory = buildDirectory(fleet.config);
  const explanation = await explain({ directory, client, tenantId, from, to, message, now });
  const diagnoses = diagnose(manifests, compiled, { secretsMayBeMissing: false });
  const waitsFor = explanation.held ? whatIsWaitedFor(diagnoses, compiled.tombstones) : [];
  if (output === 'json') {
    const { name, config } = fleet;
    const story = { fleet: name, revision: config.revision, ...explanation, waitsFor, madeUpSecrets: madeUp };
    process.stdout.write(`${JSON.stringify(story, undefined, 2)}\n`);
  } else {
    process.stdout.write(explanationText(explanation, waitsFor, madeUp));
  }
  return explanation.accepted ? 0 : 1;
}
