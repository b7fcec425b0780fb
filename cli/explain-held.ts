/** What mail that is put off waits for: resources that are not in force, and those that have disappeared. */

import type { Tombstone } from '../operator/compile/tombstones.ts';
import { type Diagnosis, formatDiagnosis } from './diagnosis.ts';

/** A line each. Which of them holds one address back is not recorded: all that could are named. */
export function whatIsWaitedFor(diagnoses: readonly Diagnosis[], tombstones: readonly Tombstone[]): string[] {
  return [
    ...diagnoses.filter(({ severity }) => severity === 'error').map(formatDiagnosis),
    ...tombstones.map(
      ({ kind, name, expiresAt }) =>
        `${kind} ${name} was in force and is not now; until ${new Date(expiresAt).toISOString()} its mail is put off`,
    ),
  ];
}
