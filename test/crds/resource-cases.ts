/** Reads test/cases/{valid,invalid}: resources with a title and, per problem, the line `# expect: path: message`. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '../../cli/manifests/yaml-text.ts';

export interface ResourceCase {
  readonly file: string;
  readonly title: string;
  readonly expected: readonly string[];
  readonly value: unknown;
}

function readCase(file: string, text: string): ResourceCase {
  const comments = text.split('\n').filter((line) => line.startsWith('# '));
  const expected = comments.flatMap((line) => (line.startsWith('# expect: ') ? [line.slice(10)] : []));
  const title = comments.find((line) => !line.startsWith('# expect: '))?.slice(2);
  const { documents, errors } = parseYaml(text);
  if (title === undefined || documents.length !== 1 || errors.length > 0) {
    throw new Error(`${file}: a case is one YAML document with its title as a comment:\n${text}`);
  }
  return { file, title, expected, value: documents[0]?.value };
}

export function resourceCases(folder: 'valid' | 'invalid'): ResourceCase[] {
  const path = join(import.meta.dirname, '..', 'cases', folder);
  return readdirSync(path).flatMap((file) =>
    readFileSync(join(path, file), 'utf8')
      .split(/^---\n/m)
      .map((text) => readCase(file, text)),
  );
}
