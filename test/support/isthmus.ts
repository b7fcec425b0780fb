/** `isthmus relay` as a user starts it: a program of its own, with a folder of manifests that a test may change while it runs. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Running, run, start } from './child-process.ts';
import { freePort } from './free-port.ts';

export const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface Isthmus {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly httpPort: number;
  readonly folder: string;
  readonly process: Running;
  /** Writes or replaces a file of the manifests. */
  write(file: string, text: string): void;
  remove(file: string): void;
  /** Lines of tracking and log so far, parsed. */
  lines(): Record<string, unknown>[];
  /** Resolves with the first line, of those so far and to come, that has these fields. */
  waitForLine(fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  status(): Promise<Record<string, unknown>>;
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Ends it, and removes the folder unless `keepFolder` says that another start shall find it. */
  stop(options?: { readonly keepFolder?: boolean }): Promise<number | NodeJS.Signals>;
}

export interface IsthmusOptions {
  /** File name → YAML. */
  readonly manifests?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The folder of an earlier start. */
  readonly folder?: string;
}

export async function startIsthmus(options: IsthmusOptions): Promise<Isthmus> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'isthmus-test-'));
  const manifests = mkdtempSync(join(folder, 'manifests-'));
  const write = (file: string, text: string) => writeFileSync(join(manifests, file), text);
  for (const [file, text] of Object.entries(options.manifests ?? {})) write(file, text);
  const [port, httpPort] = [await freePort(), await freePort()];
  const process = start(
    globalThis.process.execPath,
    [
      CLI,
      'relay',
      ...['--manifests', manifests, '--data', join(folder, 'data')],
      ...['--listen', `127.0.0.1:${port}`, '--metrics', `127.0.0.1:${httpPort}`],
      ...(options.args ?? []),
    ],
    { name: 'isthmus relay' },
  );
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`);
    return { status: answer.status, body: await answer.text() };
  };
  await process.waitForOutput(/"msg":"ready"/);
  return {
    host: '127.0.0.1',
    port,
    httpPort,
    folder,
    process,
    write,
    remove: (file) => rmSync(join(manifests, file)),
    lines: () => parseLines(process.output()),
    waitForLine: async (fields) => {
      const found = () => parseLines(process.output()).find((line) => matches(line, fields));
      // Each part of the line is there when all of it is: lines are written whole.
      for (const value of Object.values(fields)) await process.waitForOutput(new RegExp(escape(JSON.stringify(value))));
      for (let line = found(); ; line = found()) {
        if (line !== undefined) return line;
        await process.waitForOutput(new RegExp(`^(?:[^\\n]*\\n){${process.output().split('\n').length}}`));
      }
    },
    status: async () => JSON.parse((await get('/status')).body) as Record<string, unknown>,
    get,
    stop: async ({ keepFolder = false } = {}) => {
      const ended = await process.stop('SIGTERM');
      if (!keepFolder) rmSync(folder, { recursive: true, force: true });
      return ended;
    },
  };
}

/** Runs a subcommand to its end. */
export function isthmus(args: readonly string[]) {
  return run(process.execPath, [CLI, ...args]);
}

function parseLines(output: string): Record<string, unknown>[] {
  const whole = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

function matches(line: Record<string, unknown>, fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([name, value]) => JSON.stringify(line[name]) === JSON.stringify(value));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
