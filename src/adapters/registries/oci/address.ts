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
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::1', 128],
  ['::', 128],
  ['64:ff9b:1::', 48],
  // To be dropped, for benchmarks, retired and inside a segment routing domain: nothing of the open network is there.
  ['100::', 63],
  ['2001:2::', 48],
  ['2001:10::', 28],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
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
    private: found.some((each) => isIn(PRIVATE, each) || embedded(each).some((inner) => isIn(PRIVATE, inner))),
  };
}

async function look(hostname: string): Promise<readonly { address: string; family: number }[]> {
  try {
    return await lookup(hostname, { all: true });
  } catch (cause) {
    throw new WeighmarkError('network', `${hostname} cannot be resolved`, { subject: hostname, cause });
  }
}

/**
 * The IPv4 addresses that an IPv6 one leads to by way of a translator or tunnel: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo
 * (RFC 4380, whose client address is inverted), IPv4-compatible and translated (RFC 4291, RFC 7915), ISATAP (RFC 5214).
 */
function embedded({ address, family }: { address: string; family: number }): readonly { address: string; family: 4 }[] {
  if (family !== 6) return [];
  const words = wordsOf(address);
  const [first = 0, second = 0] = words;
  const at = (place: number, mask = 0) => ipv4((words[place] ?? 0) ^ mask, (words[place + 1] ?? 0) ^ mask);
  const zeros = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  if (first === 0x64 && second === 0xff9b && zeros(2, 6)) return [at(6)];
  if (first === 0x2002) return [at(1)];
  if (first === 0x2001 && second === 0) return [at(2), at(6, 0xffff)];
  if (zeros(0, 6) || (zeros(0, 4) && words[4] === 0xffff && words[5] === 0)) return [at(6)];
  return ((words[4] ?? 0) & 0xfdff) === 0 && words[5] === 0x5efe ? [at(6)] : [];
}

function ipv4(high: number, low: number): { address: string; family: 4 } {
  return { address: [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.'), family: 4 };
}

/** The eight words of an IPv6 address, however it is written. */
function wordsOf(address: string): readonly number[] {
  const dotted = address.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...quad: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = dotted.split('::');
  const [left, right] = [head, tail ?? ''].map((part) => part.split(':').filter((word) => word !== ''));
  const [start, end] = [left ?? [], right ?? []];
  const gap = tail === undefined ? 0 : Math.max(0, 8 - start.length - end.length);
  return [...start, ...Array<string>(gap).fill('0'), ...end].map((word) => Number.parseInt(word, 16));
}

/** An IPv4 address written as IPv6 (`::ffff:127.0.0.1`) is checked by Node as the IPv4 address it is. */
function isIn(list: BlockList, { address, family }: { address: string; family: number }): boolean {
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
