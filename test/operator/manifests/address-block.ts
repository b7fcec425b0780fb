/** Whether an address lies in a block, by Node's own reading of both. */

import { BlockList, isIPv6 } from 'node:net';

const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

export function containsAddress(cidr: string, address: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  if (family(network) !== family(address)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(length), family(network));
  return block.check(address, family(address));
}
