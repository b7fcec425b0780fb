/** Checks metadata as Kubernetes does for every object, ours or not. */

import { isMapping } from './defaults.ts';
import { suggestion } from './nearest.ts';
import type { Problem } from './problem.ts';
import { shown } from './structure.ts';
import type { ObjectMeta } from './v1alpha1/metadata.ts';

/** The system's own fields: present in an object that was exported from a cluster. */
const SYSTEM_FIELDS = new Map<string, 'text' | 'number' | 'list' | 'time'>(
  Object.entries({
    generateName: 'text',
    uid: 'text',
    resourceVersion: 'text',
    selfLink: 'text',
    generation: 'number',
    deletionGracePeriodSeconds: 'number',
    creationTimestamp: 'time',
    deletionTimestamp: 'time',
    finalizers: 'list',
    ownerReferences: 'list',
    managedFields: 'list',
  }),
);
const USER_FIELDS = ['name', 'namespace', 'labels', 'annotations'];

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_PART = /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const MAX_NAME = 253;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
/** Kubernetes' bound on all annotations of an object together. */
const MAX_ANNOTATIONS = 262144;

/** A label's or annotation's key: an optional DNS subdomain, a slash, a name. */
function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  const [prefix, name] = parts.length === 2 ? parts : [undefined, key];
  if (prefix !== undefined && (prefix.length > MAX_NAME || !SUBDOMAIN.test(prefix))) return false;
  return name !== undefined && NAME_PART.test(name);
}

function checkName(name: unknown, problems: Problem[]): void {
  const report = (message: string) => problems.push({ path: ['metadata', 'name'], message });
  if (name === undefined || name === null) report('required: give the object a name');
  else if (typeof name !== 'string') report(`must be a string, not ${shown(name)}; put it in quotes`);
  else if (name.length > MAX_NAME || !SUBDOMAIN.test(name)) {
    report(
      `${shown(name)} must be letters in lower case, digits, hyphens and dots, with a letter or digit at both ends, ` +
        `at most ${MAX_NAME} characters`,
    );
  }
}

function checkNamespace(namespace: unknown, problems: Problem[]): void {
  if (namespace === undefined || namespace === null) return;
  if (typeof namespace === 'string' && (namespace === '' || LABEL.test(namespace))) return;
  const message = `${shown(namespace)} must be letters in lower case, digits and hyphens, at most 63 characters`;
  problems.push({ path: ['metadata', 'namespace'], message });
}

function checkTexts(field: 'labels' | 'annotations', value: unknown, problems: Problem[]): void {
  if (value === undefined || value === null) return;
  if (!isMapping(value)) {
    problems.push({ path: ['metadata', field], message: `must be a mapping, not ${shown(value)}` });
    return;
  }
  let size = 0;
  for (const [key, text] of Object.entries(value)) {
    const report = (message: string) => problems.push({ path: ['metadata', field, key], message });
    // Kubernetes ignores the case of an annotation's prefix.
    if (!isQualifiedName(field === 'annotations' ? key.toLowerCase() : key)) {
      report(
        'the key must be [prefix/]name: letters, digits, hyphens, dots and underscores, name at most 63 characters',
      );
    }
    if (typeof text !== 'string') report(`must be a string, not ${shown(text)}; put it in quotes`);
    else if (field === 'labels' && text !== '' && !NAME_PART.test(text)) {
      report(`${shown(text)} must be letters, digits, hyphens, dots and underscores, at most 63 characters`);
    }
    size += key.length + (typeof text === 'string' ? text.length : 0);
  }
  if (field === 'annotations' && size > MAX_ANNOTATIONS) {
    problems.push({ path: ['metadata', field], message: `must have at most ${MAX_ANNOTATIONS} bytes together` });
  }
}

function systemFieldFault(field: string, value: unknown): string | undefined {
  switch (SYSTEM_FIELDS.get(field)) {
    case 'text':
      if (typeof value !== 'string') return `must be a string, not ${shown(value)}`;
      // A random end is put to it, so that it may end in a hyphen.
      if (field === 'generateName' && !SUBDOMAIN.test(`${value}x`)) return `${shown(value)} is no beginning of a name`;
      return undefined;
    case 'number':
      return Number.isSafeInteger(value) ? undefined : `must be a whole number, not ${shown(value)}`;
    case 'list':
      return Array.isArray(value) ? undefined : `must be a list, not ${shown(value)}`;
    case 'time':
      return typeof value === 'string' && RFC3339.test(value)
        ? undefined
        : `must be a time such as 2026-01-31T12:00:00Z, not ${shown(value)}`;
    case undefined:
      return `unknown field; ${suggestion(field, USER_FIELDS)}`;
  }
}

export function checkObjectMeta(metadata: unknown, problems: Problem[]): metadata is ObjectMeta {
  const before = problems.length;
  if (metadata === undefined || metadata === null) {
    problems.push({ path: ['metadata'], message: 'required: give the object at least metadata.name' });
  } else if (!isMapping(metadata)) {
    problems.push({ path: ['metadata'], message: `must be a mapping, not ${shown(metadata)}` });
  } else {
    checkName(metadata.name, problems);
    checkNamespace(metadata.namespace, problems);
    checkTexts('labels', metadata.labels, problems);
    checkTexts('annotations', metadata.annotations, problems);
    for (const [name, value] of Object.entries(metadata)) {
      if (USER_FIELDS.includes(name)) continue;
      const message = value === null && SYSTEM_FIELDS.has(name) ? undefined : systemFieldFault(name, value);
      if (message !== undefined) problems.push({ path: ['metadata', name], message });
    }
  }
  return problems.length === before;
}
