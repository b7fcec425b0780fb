/** Checks metadata as Kubernetes does for every object, ours or not. */

import { isMapping } from './defaults.ts';
import { suggestion } from './nearest.ts';
import type { Problem } from './problem.ts';
import { shown } from './structure.ts';
import type { ObjectMeta } from './v1alpha1/metadata.ts';

const FIELDS = [
  'name',
  'namespace',
  'labels',
  'annotations',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'finalizers',
  'ownerReferences',
  'managedFields',
  'selfLink',
];

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_PART = /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const MAX_NAME = 253;
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
    for (const name of Object.keys(metadata).filter((field) => !FIELDS.includes(field))) {
      problems.push({ path: ['metadata', name], message: `unknown field; ${suggestion(name, FIELDS.slice(0, 4))}` });
    }
  }
  return problems.length === before;
}
