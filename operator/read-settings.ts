/** Reads the operator's settings file, and says by line or field what is wrong with it. */

import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { type Settings, settingsSchema } from './settings.ts';

export type SettingsRead =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: string[] };

export function readSettings(file: string): SettingsRead {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { ok: false, problems: [`${file} cannot be read: ${(error as Error).message}`] };
  }
  const document = parseDocument(text);
  if (document.errors.length > 0)
    return { ok: false, problems: document.errors.map(({ message }) => `${file}: ${message}`) };
  const parsed = settingsSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return { ok: true, settings: parsed.data };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${file}: ${path.join('.') || 'the whole'}: ${message}`,
  );
  return { ok: false, problems };
}
