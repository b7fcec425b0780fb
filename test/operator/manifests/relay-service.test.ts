import { expect, test } from 'vitest';
import { relayService } from '../../../operator/manifests/relay-service.ts';
import { manifestInput } from './case.ts';

type Families = readonly string[] | undefined;

test.each<[about: string, wanted: Families, policy: string, there: Families, sent: Families]>([
  ['none is named, and none is sent', undefined, 'PreferDualStack', ['IPv4', 'IPv6'], undefined],
  ['of a Service that is not there yet, as they are named', ['IPv6'], 'PreferDualStack', undefined, ['IPv6']],
  ['the second stays that the cluster gave', ['IPv4'], 'PreferDualStack', ['IPv4', 'IPv6'], ['IPv4', 'IPv6']],
  ['and where both are asked for', ['IPv6'], 'RequireDualStack', ['IPv6', 'IPv4'], ['IPv6', 'IPv4']],
  ['the second goes when one is asked for', ['IPv4'], 'SingleStack', ['IPv4', 'IPv6'], ['IPv4']],
  ['a second is added', ['IPv4', 'IPv6'], 'PreferDualStack', ['IPv4'], ['IPv4', 'IPv6']],
  ['another first is for the API server to refuse', ['IPv6'], 'PreferDualStack', ['IPv4', 'IPv6'], ['IPv6']],
])('address families: %s', (_about, ipFamilies, ipFamilyPolicy, serviceFamilies, sent) => {
  const service = { ipFamilyPolicy, ...(ipFamilies && { ipFamilies }) };
  const input = { ...manifestInput({ spec: { service } }), ...(serviceFamilies && { serviceFamilies }) };
  expect((relayService(input)['spec'] as { ipFamilies?: Families }).ipFamilies).toEqual(sent);
});
