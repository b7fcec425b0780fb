/** Options of the command line: declared once, parsed strictly, and every mistake told with what to do about it. */

import { parseArgs } from 'node:util';

/** The question cannot be answered: the command line is wrong, or what it names cannot be read. */
export class CommandLineError extends Error {
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** How the program was called: as itself, or by kubectl, when the cluster is what is asked. */
export interface Invocation {
  readonly program: 'isthmus' | 'kubectl isthmus';
  readonly plugin: boolean;
}

export const STANDALONE: Invocation = { program: 'isthmus', plugin: false };
export const KUBECTL_PLUGIN: Invocation = { program: 'kubectl isthmus', plugin: true };

export interface OptionSpec {
  /** Name of the value in the help text; undefined for a switch. */
  readonly value?: string;
  /** One letter, for those that kubectl has under it. */
  readonly short?: string;
  readonly multiple?: boolean;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface CommandLine {
  readonly positionals: readonly string[];
  /** The values given, in order; empty when the option is absent. */
  all(name: string): readonly string[];
  /** The value given; the option may stand once. */
  one(name: string): string | undefined;
  has(name: string): boolean;
}

export function parseCommandLine(
  command: string,
  specs: OptionSpecs,
  args: readonly string[],
  { program }: Invocation = STANDALONE,
): CommandLine {
  const advice = `${program} ${command} --help lists the options`;
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, short }]) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, multiple: true as const, ...(short !== undefined && { short }) }];
    }),
  );
  const parsed = (() => {
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    } catch (error) {
      if (error instanceof Error && 'code' in error) throw new CommandLineError(firstSentence(error.message), advice);
      throw error;
    }
  })();
  const values = (name: string) => (parsed.values[name] ?? []).filter((value) => typeof value === 'string');
  for (const [name, spec] of Object.entries(specs)) {
    const given = parsed.values[name]?.length ?? 0;
    if (given > 1 && spec.multiple !== true) throw new CommandLineError(`--${name} was given ${given} times`, advice);
  }
  return {
    positionals: parsed.positionals,
    all: values,
    one: (name) => values(name)[0],
    has: (name) => (parsed.values[name]?.length ?? 0) > 0,
  };
}

/** Node adds a paragraph about positional arguments that begin with a dash, which helps nobody here. */
function firstSentence(text: string): string {
  return text.split('. ')[0] ?? text;
}

export function helpText(usage: string, summary: string, specs: OptionSpecs): string {
  const rows = Object.entries(specs).map(([name, { value, short, help }]) => {
    const option = `  ${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
    return `${option.padEnd(28)} ${help}`;
  });
  return `usage: ${usage}\n\n${summary}\n\n${rows.join('\n')}\n`;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `2525`, `127.0.0.1:2525`, `[::1]:2525`; a port alone means all addresses of both families. */
export function parseListenAddress(option: string, text: string): ListenAddress {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+|localhost)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? -1);
  if (match === null || port > 65535) {
    throw new CommandLineError(
      `--${option} "${text}" is no address to listen on`,
      'write PORT, ADDRESS:PORT or [IPV6]:PORT, for example 127.0.0.1:2525',
    );
  }
  return { host: match[1] ?? match[2] ?? '::', port };
}

export function parseCount(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new CommandLineError(`--${option} "${text}" is not a whole number`, `write a number from ${least} to ${most}`);
}
