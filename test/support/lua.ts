/** Lua 5.1, the language level of Argo CD: runs a script with a global table and without the libraries that Argo CD withholds. */

import { spawnSync } from 'node:child_process';
import { ensurePackages } from './debian.ts';

/** JSON's values as a Lua expression. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string')
    return `"${[...Buffer.from(value)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
  if (Array.isArray(value)) return `{${value.map(literal).join(',')}}`;
  return `{${Object.entries(value)
    .map(([key, child]) => `[${literal(key)}]=${literal(child)}`)
    .join(',')}}`;
}

// string, io, os, math, debug and require are missing there unless somebody asks for them.
const RUN = (script: string, object: unknown) => `
local allowed = { ipairs = ipairs, pairs = pairs, tostring = tostring, type = type, next = next, table = table }
allowed.obj = ${literal(object)}
local chunk = assert(loadfile(${literal(script)}))
setfenv(chunk, allowed)
local answer = chunk()
io.write(answer.status, "\\n", answer.message)
`;

/** What a health script says about an object. */
export function luaHealth(script: string, object: unknown): { status: string; message: string } {
  ensurePackages(['lua5.1']);
  const { status, stdout, stderr } = spawnSync('lua5.1', ['-'], { input: RUN(script, object), encoding: 'utf8' });
  if (status !== 0) throw new Error(`lua5.1 ended with ${status}: ${stderr}`);
  const [word = '', ...message] = stdout.split('\n');
  return { status: word, message: message.join('\n') };
}
