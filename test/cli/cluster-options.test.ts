/** The command lines that ask a cluster: what is wrong with one is said before anything is asked. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCheck } from '../../cli/check.ts';
import { CommandLineError, type Invocation, KUBECTL_PLUGIN, STANDALONE } from '../../cli/command-line.ts';
import { runExplain } from '../../cli/explain.ts';
import { runStatus } from '../../cli/status.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubeconfig-'));
const kubeconfig = join(folder, 'config');
writeFileSync(kubeconfig, JSON.stringify({ clusters: [], contexts: [], users: [] }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COMMANDS = { status: runStatus, check: runCheck, explain: runExplain };
const LETTER = ['--client', '::1', '--from', '', '--to', 'x@shared.example'];

const CASES: readonly [string, Invocation, keyof typeof COMMANDS, readonly string[], RegExp][] = [
  [
    'an unknown context',
    KUBECTL_PLUGIN,
    'status',
    ['--kubeconfig', kubeconfig, '--context', 'nowhere'],
    /no cluster is known: .*"nowhere"\nkubectl config get-contexts/,
  ],
  [
    'a kubeconfig that is not there',
    KUBECTL_PLUGIN,
    'status',
    ['--kubeconfig', '/no/such'],
    /no cluster is known: .*\/no\/such.*\nkubectl config/,
  ],
  ['a namespace and all of them', KUBECTL_PLUGIN, 'status', ['-n', 'x', '-A'], /exclude each other\nchoose one/],
  ['an empty namespace', KUBECTL_PLUGIN, 'status', ['-n', ''], /--namespace is empty\nname one/],
  [
    'a word alone',
    KUBECTL_PLUGIN,
    'status',
    ['mail'],
    /"mail" stands alone\ndid you mean kubectl isthmus status -n mail \?/,
  ],
  ['an unknown format', STANDALONE, 'status', ['-o', 'yaml'], /"yaml" is unknown\nwrite text, wide or json/],
  ['an unknown option', KUBECTL_PLUGIN, 'status', ['--nam', 'x'], /--nam.*\nkubectl isthmus status --help lists/],
  [
    'a folder and files',
    KUBECTL_PLUGIN,
    'check',
    ['mail', '-f', 'more'],
    /stands alone\nkubectl isthmus check -f mail lays files over/,
  ],
  [
    'a folder and a cluster',
    STANDALONE,
    'check',
    ['mail', '--cluster'],
    /stands alone\nisthmus check --cluster -f mail lays files over/,
  ],
  ['a folder and a namespace', STANDALONE, 'check', ['mail', '-n', 'x'], /--namespace is about a cluster, and folders/],
  [
    'neither folder nor cluster',
    STANDALONE,
    'check',
    [],
    /which folder\?\nisthmus check DIR, or isthmus check --cluster/,
  ],
  [
    'files over what runs',
    KUBECTL_PLUGIN,
    'explain',
    [...LETTER, '--running', '-f', 'x'],
    /--running and --filename exclude/,
  ],
  [
    'manifests and a cluster',
    STANDALONE,
    'explain',
    [...LETTER, '--manifests', 'x', '--cluster'],
    /manifests or a cluster\?/,
  ],
  [
    'manifests and a context',
    STANDALONE,
    'explain',
    [...LETTER, '--manifests', 'x', '--context', 'y'],
    /--context is about/,
  ],
  ["a relay's memory and a cluster", KUBECTL_PLUGIN, 'explain', [...LETTER, '--data', 'x'], /--data is a relay's/],
];

it.each(CASES)('asks again for %s', async (_name, invocation, command, args, expected) => {
  const error = await COMMANDS[command](args, invocation).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandLineError);
  const { message, advice } = error as CommandLineError;
  expect(`${message}\n${advice}`).toMatch(expected);
});
