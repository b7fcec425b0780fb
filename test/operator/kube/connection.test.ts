/** What becomes of calls when the API server is not well, and who it is asked as, and trusted as. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { writeKubeconfig } from '../../cluster/authority.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { type Authority, certificateFolder } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { type FaultyProxy, faultyProxy } from './faulty-proxy.ts';
import { CONFIG_MAP, configMap, makeNamespace, NAMESPACE, value } from './following.ts';

const certificates = certificateFolder();
let stranger: Authority;
let cluster: ControlPlane;
let proxy: FaultyProxy;
let kube: Kube;

beforeAll(async () => {
  stranger = await certificates.authority('another cluster');
  cluster = await startControlPlane();
  proxy = await faultyProxy(cluster);
  kube = connect({ kubeconfig: proxy.kubeconfig });
  await makeNamespace(kube, 'mail');
}, 120_000);

afterAll(async () => {
  await kube.close();
  await proxy.stop();
  await cluster.stop();
  certificates.remove();
});

const calls = (from: number) => proxy.asked.slice(from).map(({ method, path }) => `${method} ${path}`);

function kubeconfigFor(server: string, ca: string): string {
  return writeKubeconfig(join(cluster.folder, 'stranger.kubeconfig'), { server, ca, credentials: { token: 'secret' } });
}

/** The files that a pod finds, below a folder of its own. */
function podFolder(name: string, authority: string): { root: string; write(file: string, text: string): void } {
  const root = join(cluster.folder, name);
  const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  write('ca.crt', authority);
  write('namespace', 'mail\n');
  write('token', 'first');
  const { hostname, port } = new URL(proxy.server);
  vi.stubEnv('KUBERNETES_SERVICE_HOST', hostname);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
  return { root, write };
}

describe('when the server', () => {
  const BUSY = { status: 429, reason: 'TooManyRequests' };

  test('says when to come back, it is asked again then', async () => {
    const before = proxy.asked.length;
    proxy.next([
      { ...BUSY, retryAfter: '0' },
      { status: 503, reason: 'ServiceUnavailable', retryAfter: '1' },
    ]);
    expect(await kube.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: true });
    expect(calls(before)).toHaveLength(3);
  });

  test('goes on saying so, it is believed after three repeats', async () => {
    const before = proxy.asked.length;
    proxy.next(Array.from({ length: 9 }, () => ({ ...BUSY, retryAfter: '0' })));
    expect(await kube.get(NAMESPACE, undefined, 'mail')).toEqual({
      ok: false,
      ...BUSY,
      message: 'by the proxy',
      retryAfterMs: 0,
    });
    expect(calls(before)).toHaveLength(4);
    proxy.next([]);
  });

  test.each([
    { name: 'wants an hour', fault: { ...BUSY, retryAfter: '3600' }, answer: { ...BUSY, retryAfterMs: 3_600_000 } },
    { name: 'names no time', fault: BUSY, answer: BUSY },
    {
      name: 'fails',
      fault: { status: 500, reason: 'InternalError' },
      answer: { status: 500, reason: 'InternalError' },
    },
  ])('$name, the caller is told at once', async ({ fault, answer }) => {
    const before = proxy.asked.length;
    proxy.next([fault]);
    expect(await kube.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: false, ...answer });
    expect(calls(before)).toHaveLength(1);
  });

  test('breaks the connection, what can be repeated is, once; what might have been done is not', async () => {
    const before = proxy.asked.length;
    proxy.next(['reset']);
    expect(await kube.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: true });
    proxy.next(['reset', 'reset']);
    expect(await kube.get(NAMESPACE, undefined, 'mail')).toMatchObject({ status: undefined, reason: 'NoAnswer' });
    proxy.next(['reset']);
    const made = await kube.create(CONFIG_MAP, configMap('mail', 'unsure'));
    expect(made).toMatchObject({ ok: false, status: undefined, reason: 'NoAnswer' });
    expect(calls(before)).toHaveLength(5);
  });

  test('does not answer, the call ends by itself', async () => {
    const goOn = proxy.hold();
    expect(await kube.direct(200).get(NAMESPACE, undefined, 'mail')).toEqual({
      ok: false,
      status: undefined,
      reason: 'Timeout',
      message: 'no answer within 200 ms',
    });
    goOn();
  });

  test('is not there, the reason is named', async () => {
    const port = await freePort();
    const absent = connect({ kubeconfig: kubeconfigFor(`https://127.0.0.1:${port}`, stranger.certificate) });
    const answer = await absent.get(NAMESPACE, undefined, 'mail');
    expect(answer).toMatchObject({ ok: false, status: undefined, reason: 'NoAnswer' });
    expect(answer.ok ? '' : answer.message).toContain(`ECONNREFUSED 127.0.0.1:${port}`);
    await absent.close();
  });

  test("has another authority's certificate, nothing is sent to it", async () => {
    const suspicious = connect({ kubeconfig: kubeconfigFor(proxy.server, stranger.certificate) });
    const before = proxy.asked.length;
    const answer = await suspicious.get(NAMESPACE, undefined, 'mail');
    expect(answer.ok ? '' : answer.message).toMatch(/certificate/);
    expect(calls(before)).toEqual([]);
    await suspicious.close();
  });
});

describe('the service account of a pod', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  test('gives address, authority and namespace, and its token is read again after a minute', async () => {
    const { root, write } = podFolder('pod', cluster.authority.certificate);
    const pod = connect({ serviceAccountRoot: root });
    expect([pod.server, pod.ownNamespace]).toEqual([proxy.server, 'mail']);
    const authorization = async () => {
      value(await pod.get(NAMESPACE, undefined, 'mail'));
      return proxy.asked.at(-1)?.headers.authorization;
    };
    vi.useFakeTimers({ toFake: ['Date'] });
    expect(await authorization()).toBe('Bearer first');
    write('token', 'second');
    vi.setSystemTime(Date.now() + 61_000);
    expect(await authorization()).toBe('Bearer second');
    await pod.close();
  });

  test('whose authority is replaced is trusted anew', async () => {
    const { root, write } = podFolder('replaced', stranger.certificate);
    const pod = connect({ inCluster: true, serviceAccountRoot: root });
    expect(await pod.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: false, reason: 'NoAnswer' });
    write('ca.crt', cluster.authority.certificate);
    expect(await pod.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: true });
    await pod.close();
  });

  test('without its token, the calls say so', async () => {
    const { root, write } = podFolder('bare', cluster.authority.certificate);
    const pod = connect({ inCluster: true, serviceAccountRoot: root });
    rmSync(join(root, 'var/run/secrets/kubernetes.io/serviceaccount/token'));
    const answer = await pod.get(NAMESPACE, undefined, 'mail');
    expect(answer.ok ? '' : answer.message).toMatch(/ENOENT.*serviceaccount\/token/);
    write('token', 'late');
    expect(await pod.get(NAMESPACE, undefined, 'mail')).toMatchObject({ ok: true });
    await pod.close();
  });
});

test('a kubeconfig without the context that is asked for is refused by name', () => {
  const { kubeconfig } = cluster;
  expect(() => connect({ kubeconfig, context: 'staging' })).toThrow(
    `${kubeconfig} has no cluster for its context "staging"`,
  );
});
