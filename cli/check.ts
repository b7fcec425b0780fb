/** `isthmus check`: says offline everything that the API server and the operator would say about a folder of manifests. */

import { CommandLineError, helpText, type OptionSpecs, parseCommandLine } from './command-line.ts';
import { compileManifests } from './compilation.ts';
import { counted, type Diagnosis, diagnose, formatDiagnosis } from './diagnosis.ts';
import { readManifests } from './manifests/read.ts';

const OPTIONS: OptionSpecs = {
  strict: { help: 'a Secret that is not in the folder is an error, not a warning' },
  output: { value: 'FORMAT', help: 'text (default) or json' },
  help: { help: 'this text' },
};

const SUMMARY = `Reads the manifests of the folder (of several folders a later one replaces objects of the same kind and name) and says
what is wrong with them: schema, unknown fields, references that lead nowhere, rules that collide, domains claimed twice.
Exit code 0: all of it would be in force. 1: something would not. 2: the command line is wrong.`;

export function runCheck(args: readonly string[]): number {
  const commandLine = parseCommandLine('check', OPTIONS, args);
  if (commandLine.has('help')) {
    process.stdout.write(helpText('isthmus check DIR... [options]', SUMMARY, OPTIONS));
    return 0;
  }
  const folders = commandLine.positionals;
  if (folders.length === 0) throw new CommandLineError('which folder?', 'isthmus check DIR');
  const output = commandLine.one('output') ?? 'text';
  if (output !== 'text' && output !== 'json')
    throw new CommandLineError(`--output "${output}" is unknown`, 'write text or json');

  const manifests = readManifests(folders);
  const compiled = compileManifests(manifests, { state: { running: [], tombstones: [] }, now: new Date() });
  const diagnoses = diagnose(manifests, compiled, { secretsMayBeMissing: !commandLine.has('strict') });
  const count = (severity: Diagnosis['severity']) => diagnoses.filter((one) => one.severity === severity).length;
  const errors = count('error');
  const resources = manifests.documents.filter(({ content }) => content.type !== 'data').length;
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
