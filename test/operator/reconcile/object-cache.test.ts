/** What a cache holds when answers to writes and notices of a watch come in another order than they happened. */

import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { SECRET } from '../../../operator/reconcile/kinds.ts';
import { ObjectCache } from '../../../operator/reconcile/object-cache.ts';

const at = (version: number, uid = 'first'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'mail', name: 'one', uid, resourceVersion: String(version) },
});

describe('a cache', () => {
  it('keeps what is newer', () => {
    const cache = new ObjectCache(SECRET);
    cache.take(at(7), false);
    cache.take(at(5), false);
    expect(cache.get('mail', 'one')).toEqual(at(7));
  });

  it('does not bring back what was deleted after the write that is answered late', () => {
    const cache = new ObjectCache(SECRET);
    cache.take(at(5), false);
    cache.take(at(9), true);
    cache.take(at(7), false);
    expect(cache.get('mail', 'one')).toBeUndefined();
    cache.take(at(11, 'second'), false);
    expect(cache.get('mail', 'one')).toEqual(at(11, 'second'));
  });

  it('takes back what its watch has lost from sight', () => {
    const cache = new ObjectCache(SECRET);
    cache.take(at(9), true);
    cache.take(at(11), false);
    expect(cache.get('mail', 'one')).toEqual(at(11));
  });

  it('takes it back from a server that has gone back in time', () => {
    const cache = new ObjectCache(SECRET);
    cache.take(at(9), true);
    cache.doubt(undefined);
    cache.take(at(5), false);
    expect(cache.get('mail', 'one')).toEqual(at(5));
  });
});
