import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { WeighmarkError } from '../../../domain/base/errors.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::1', 128],
  ['::', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv6');

/** Where a host's name leads. One address is chosen and used: a second look-up could answer something else. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
  /** Every address of the name is of this machine. */
  readonly loopback: boolean;
  /** Some address of the name is of this machine or a private network. */
  readonly private: boolean;
}

/** @param hostname as a URL has it: IPv6 in brackets. @throws WeighmarkError `network`. */
export async function resolveHost(hostname: string): Promise<Address> {
  const bare = hostname.replace(/^\[|\]$/g, '');
  const found = isIP(bare) === 0 ? await look(bare) : [{ address: bare, family: isIP(bare) }];
  const [first] = found;
  if (first === undefined) throw new WeighmarkError('network', `${hostname} has no address`, { subject: hostname });
  return {
    address: first.address,
    family: first.family === 6 ? 6 : 4,
    loopback: found.every((each) => isIn(LOOPBACK, each)),
    private: found.some((each) => isIn(PRIVATE, each)),
  };
}

async function look(hostname: string): Promise<readonly { address: string; family: number }[]> {
  try {
    return await lookup(hostname, { all: true });
  } catch (cause) {
    throw new WeighmarkError('network', `${hostname} cannot be resolved`, { subject: hostname, cause });
  }
}

/** An IPv4 address written as IPv6 (`::ffff:127.0.0.1`) is checked by Node as the IPv4 address it is. */
function isIn(list: BlockList, { address, family }: { address: string; family: number }): boolean {
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
