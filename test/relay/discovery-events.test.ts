/** What Discover finds out is counted, said in the log, and stands in /status for as long as it is true. */

import { expect, it } from 'vitest';
import { discoveryEvents } from '../../relay/discovery-events.ts';
import { FindingList } from '../../relay/findings.ts';
import { createMetrics } from '../../relay/metrics/metrics.ts';
import { mergeStatus, relayStatus } from '../../relay/status.ts';
import { openLines } from '../../relay/tracking/tracking.ts';
import { relayConfig } from '../support/relay-config.ts';

function watching(time = '2026-01-01T00:00:00.000Z') {
  const written: string[] = [];
  const { log } = openLines({ destination: { write: (line: string) => void written.push(line) } });
  const findings = new FindingList(() => new Date(time));
  const metrics = createMetrics();
  const status = () =>
    relayStatus({
      config: relayConfig(),
      addresses: 0,
      refused: undefined,
      connections: 0,
      nextHops: [],
      findings: findings.list(),
    });
  return { written, findings, metrics, status, events: discoveryEvents(metrics, findings, log) };
}

it('a catch-all is a finding about its tenant route, and a line in the log, once', () => {
  const { written, findings, events } = watching();
  events.standing('tenant1', 'CatchAll');
  events.standing('tenant1', 'CatchAll');
  expect(findings.list()).toEqual([
    {
      type: 'CatchAll',
      subject: 'TenantRoute tenant1',
      message: expect.stringContaining('takes mail for addresses that nobody has'),
      since: '2026-01-01T00:00:00.000Z',
    },
  ]);
  expect(written.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', tenantRoute: 'tenant1' }]);
});

it.each(['Checks', 'Unproven'] as const)('it is gone when the next hop is %s', (state) => {
  const { written, findings, events } = watching();
  events.standing('tenant1', 'Checks');
  events.standing('tenant1', 'CatchAll');
  events.standing('tenant1', state);
  expect(findings.list()).toEqual([]);
  expect(written.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn' }, { level: 'info' }]);
});

it('two findings about one tenant route stand beside each other, and go on their own', () => {
  const { findings, events } = watching();
  const target = { kind: 'TenantRoute', name: 'tenant1' } as const;
  events.nextHopRefuses(target, 'it wants TLS');
  events.standing('tenant1', 'CatchAll');
  expect(findings.list().map(({ type }) => type)).toEqual(['NextHopRefusesUs', 'CatchAll']);
  findings.nextHopTakes(target);
  expect(findings.list().map(({ type }) => type)).toEqual(['CatchAll']);
  findings.keepOnly(new Set(['tenant2']));
  expect(findings.list()).toEqual([]);
});

it('of several workers each finding is said once', () => {
  const [one, two] = [watching(), watching('2026-01-02T00:00:00.000Z')];
  one.events.standing('tenant1', 'CatchAll');
  two.events.standing('tenant1', 'CatchAll');
  two.events.nextHopRefuses({ kind: 'TenantRoute', name: 'tenant1' }, 'it wants TLS');
  const { findings } = mergeStatus([one.status(), two.status()]);
  expect(findings.map(({ type, subject }) => `${type} ${subject}`)).toEqual([
    'CatchAll TenantRoute tenant1',
    'NextHopRefusesUs TenantRoute tenant1',
  ]);
});

it('searches and questions are counted', async () => {
  const { metrics, events } = watching();
  events.discovered('Found');
  events.discovered('TooManyUnknown');
  events.asked('recipient', 'Unknown');
  events.asked('nobody', 'Taken');
  const text = await metrics.text();
  expect(text).toContain('isthmus_discoveries_total{result="found"} 1');
  expect(text).toContain('isthmus_discoveries_total{result="too_many_unknown"} 1');
  expect(text).toContain('isthmus_discovery_questions_total{about="recipient",answer="unknown"} 1');
  expect(text).toContain('isthmus_discovery_questions_total{about="nobody",answer="taken"} 1');
});

it('what cannot be asked is said in the log', () => {
  const { written, events } = watching();
  events.unclear('tenant1', 'rcpt: 450 4.3.2 starting');
  events.failed(new Error('broken'));
  expect(written.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', tenantRoute: 'tenant1', cause: 'rcpt: 450 4.3.2 starting' },
    { level: 'error', error: { message: 'broken' } },
  ]);
});
