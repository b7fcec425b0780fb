/** What the relay must remember between two starts from files: which configuration ran, and what has disappeared since. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunningFleet } from '../operator/compile/input.ts';
import type { Tombstone } from '../operator/compile/tombstones.ts';
import { relayConfigSchema, rewriteRuleSchema, sharedDomainSchema, tenantRouteSchema } from '../relay/core/config.ts';
import { CommandLineError } from './command-line.ts';

const FILE = 'state.json';

const grave = { namespace: z.string(), fleet: z.string(), name: z.string(), expiresAt: z.number() };

const tombstoneSchema = z.discriminatedUnion('kind', [
  z.object({ ...grave, kind: z.literal('SharedDomain'), was: sharedDomainSchema }),
  z.object({ ...grave, kind: z.literal('TenantRoute'), was: tenantRouteSchema }),
  z.object({ ...grave, kind: z.literal('RewriteRule'), was: rewriteRuleSchema }),
]);

const stateSchema = z.object({
  running: z.array(z.object({ namespace: z.string(), name: z.string(), config: relayConfigSchema })),
  tombstones: z.array(tombstoneSchema),
});

export interface State {
  readonly running: readonly RunningFleet[];
  readonly tombstones: readonly Tombstone[];
}

const EMPTY: State = { running: [], tombstones: [] };

/** Makes the folder, for its owner's eyes only: it holds keys. */
export function prepareDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandLineError(
      `the data folder ${folder} cannot be made: ${reasonOf(error)}`,
      'name another one with --data DIR',
    );
  }
}

/** An unreadable state is an error rather than an empty one: who holds a name, and what is on hold, would be forgotten. */
export function readState(folder: string): State {
  const file = join(folder, FILE);
  if (!existsSync(file)) return EMPTY;
  const advice = 'move the file away to begin without it';
  try {
    const parsed = stateSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (parsed.success) return parsed.data;
    throw new CommandLineError(`${file} is not what this version writes`, advice);
  } catch (error) {
    if (error instanceof CommandLineError) throw error;
    throw new CommandLineError(`${file} cannot be read: ${reasonOf(error)}`, advice);
  }
}

/** Replaces the file in one step, so that a crash leaves the old one or the new one. */
export function writeState(folder: string, state: State): void {
  const file = join(folder, FILE);
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
