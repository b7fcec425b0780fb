/** Writes the field reference of all kinds as Markdown, from the same schemas as the CRDs. */

import { type OpenApiSchema, openApiSchema } from './openapi.ts';
import { type Kind, KINDS, SCHEMAS } from './v1alpha1/kinds.ts';
import { API_VERSION } from './v1alpha1/metadata.ts';
import { RULES_KEY } from './v1alpha1/rules.ts';

interface Row {
  readonly path: string;
  readonly schema: OpenApiSchema;
  readonly required: boolean;
}

/** The field itself, then what is in it; a list is written `name[]`, a map `name{}`. */
function rows(schema: OpenApiSchema, path: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const inner = child.items ?? child;
    const at = `${path}${name}${child.items ? '[]' : child.additionalProperties ? '{}' : ''}`;
    const required = schema.required?.includes(name) ?? false;
    return [{ path: at, schema: child, required }, ...rows(inner, `${at}.`)];
  });
}

function range(min: number | undefined, max: number | undefined, unit: string): string[] {
  const text =
    min === undefined
      ? max === undefined
        ? ''
        : `at most ${max}`
      : max === undefined
        ? `at least ${min}`
        : `${min} to ${max}`;
  return text === '' ? [] : [`${text}${unit}`];
}

const list = (values: readonly unknown[]) => values.map((value) => `\`${value}\``).join(', ');

function bounds(schema: OpenApiSchema): string[] {
  const { items } = schema;
  return [
    ...(schema.enum ? [`one of ${list(schema.enum)}`] : []),
    ...range(schema.minimum, schema.maximum, ''),
    ...range(undefined, schema.maxItems, ' entries'),
    ...range(undefined, schema.maxProperties, ' keys'),
    ...(items?.enum ? [`each one of ${list(items.enum)}`] : []),
  ];
}

/** Rules about the field, and about each entry when it is a list of texts. */
function rules(schema: OpenApiSchema): string[] {
  return [...(schema[RULES_KEY] ?? []), ...(schema.items?.[RULES_KEY] ?? [])].map(({ message }) => message);
}

/** A field's name in front, such as minReplicas, stays as it is. */
function sentence(text: string): string {
  const first = /^[a-z]+[A-Z]/.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${first}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function describe({ path, schema, required }: Row): string {
  // Objects show their defaults field by field.
  const plain = schema.default !== undefined && typeof schema.default !== 'object';
  const facts = [
    ...(required ? ['required'] : []),
    ...(plain ? [`default \`${schema.default}\``] : []),
    ...bounds(schema),
  ].join('; ');
  const text = [schema.description ?? '', ...rules(schema)].filter((part) => part !== '').map(sentence);
  const cells = [`\`${path}\``, facts, text.join(' ')].map((cell) =>
    cell.replaceAll('|', '\\|').replaceAll('<', '&lt;'),
  );
  return `| ${cells.join(' | ')} |`;
}

function section(title: string, schema: OpenApiSchema): string[] {
  const about = rules(schema).map((message) => `* ${sentence(message)}`);
  const table = rows(schema, '').map(describe);
  return [
    `### ${title}`,
    '',
    ...(about.length === 0 ? [] : [...about, '']),
    ...['| field | | meaning |', '|---|---|---|', ...table, ''],
  ];
}

function kindSection(kind: Kind): string[] {
  const { plural, shortName } = SCHEMAS[kind];
  const schema = openApiSchema(kind);
  const { spec, status } = schema.properties ?? {};
  return [
    `## ${kind}`,
    '',
    `${schema.description} \`kubectl get ${plural}\`, for short \`${shortName}\`.`,
    '',
    ...rules(schema).map((message) => `* ${sentence(message)}\n`),
    ...section('spec', spec ?? {}),
    ...section('status', status ?? {}),
  ];
}

export function reference(): string {
  const head = [
    '<!-- Made by "npm run generate" from crds/v1alpha1. Never edited by hand. -->',
    '# Field reference',
    '',
    `Every kind is of \`${API_VERSION}\` and lives in a namespace; references never leave it. \`kubectl explain\` says the same.`,
    'A field that is not here is refused as unknown. `name[]` is a list, `name{}` a map.',
    '',
  ];
  return [...head, ...KINDS.flatMap(kindSection)].join('\n').trimEnd().concat('\n');
}
