/** Whether an object is as it should be, whatever the API server has added to it. */

import { describe, expect, it } from 'vitest';
import { contains } from '../../../operator/reconcile/object-set.ts';

describe('an object holds what is wanted', () => {
  it.each([
    ['when it is the same', { a: 1, b: ['x'] }, { a: 1, b: ['x'] }],
    ['when the API server has filled in fields', { a: { b: 1, nodePort: 30000 } }, { a: { b: 1 } }],
    ['when list items have got more fields', [{ name: 'smtp', nodePort: 1 }], [{ name: 'smtp' }]],
    ['when an empty map was dropped', {}, { emptyDir: {} }],
    ['when an empty list was dropped', {}, { items: [] }],
    ['when a false was dropped', {}, { publishNotReadyAddresses: false }],
    ['when nothing is said of a field', { a: 1 }, { a: undefined }],
  ])('%s', (_, live, wanted) => {
    expect(contains(live, wanted)).toBe(true);
  });

  it.each([
    ['when a value differs', { a: 1 }, { a: 2 }],
    ['when a field is missing', {}, { a: 1 }],
    ['when true was wanted', {}, { a: true }],
    ['when a list is shorter', { a: ['x'] }, { a: ['x', 'y'] }],
    ['when a list has another order', { a: ['y', 'x'] }, { a: ['x', 'y'] }],
    ['when a map is a text', { a: 'b' }, { a: { b: 1 } }],
    ['when a map that holds something is missing', {}, { a: { b: 1 } }],
  ])('but not %s', (_, live, wanted) => {
    expect(contains(live, wanted)).toBe(false);
  });
});
