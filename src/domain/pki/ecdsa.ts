import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { TAG, childrenOf, expectTag, readDer } from './der.ts';

/**
 * ECDSA verification of a digest that is already there, which `node:crypto` does not offer: a message signature over a file
 * of any size is verified by the file's SHA-256. Only public values are handled, so time may depend on them.
 * SEC 1 version 2.0, section 4.1.4.
 */
export function verifyDigest(digest: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const { x, y } = key.export({ format: 'jwk' });
  if (curve === undefined || x === undefined || y === undefined) return false;
  try {
    const [r, s] = childrenOf(expectTag(readDer(signature), TAG.sequence)).map((part) =>
      positive(expectTag(part, TAG.integer).body),
    );
    return (
      r !== undefined &&
      s !== undefined &&
      checks(curve, { r, s }, digest, { x: big(Buffer.from(x, 'base64url')), y: big(Buffer.from(y, 'base64url')) })
    );
  } catch {
    return false;
  }
}

interface Curve {
  readonly p: bigint;
  readonly n: bigint;
  readonly generator: Affine;
}

interface Affine {
  readonly x: bigint;
  readonly y: bigint;
}

/** Jacobian coordinates; z = 0 is the point at infinity. All curves here have a = -3. */
interface Point extends Affine {
  readonly z: bigint;
}

/** SEC 2 version 2.0: secp256r1, secp384r1. */
const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: {
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    generator: {
      x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
      y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
    },
  },
  secp384r1: {
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    generator: {
      x: 0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
      y: 0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
    },
  },
};

function checks(curve: Curve, { r, s }: { r: bigint; s: bigint }, digest: Uint8Array, key: Affine): boolean {
  const { p, n } = curve;
  if (r <= 0n || r >= n || s <= 0n || s >= n) return false;
  const bits = n.toString(2).length;
  const excess = BigInt(Math.max(0, digest.length * 8 - bits));
  const inverse = inverted(s, n);
  const u = modulo((big(digest) >> excess) * inverse, n);
  const v = modulo(r * inverse, n);
  const sum = sumOfMultiples(curve, u, { ...key, z: 1n }, v);
  if (sum.z === 0n) return false;
  const zInverse = inverted(sum.z, p);
  return modulo(modulo(sum.x * zInverse * zInverse, p), n) === r;
}

/** u·G + v·Q by Shamir's trick: one pass over the bits of both. */
function sumOfMultiples(curve: Curve, u: bigint, point: Point, v: bigint): Point {
  const generator = { ...curve.generator, z: 1n };
  const both = add(curve.p, generator, point);
  let sum: Point = { x: 1n, y: 1n, z: 0n };
  for (let bit = BigInt(Math.max(u.toString(2).length, v.toString(2).length)) - 1n; bit >= 0n; bit -= 1n) {
    sum = double(curve.p, sum);
    const pick = (u >> bit) & 1n ? ((v >> bit) & 1n ? both : generator) : (v >> bit) & 1n ? point : null;
    if (pick !== null) sum = add(curve.p, sum, pick);
  }
  return sum;
}

function double(p: bigint, { x, y, z }: Point): Point {
  if (z === 0n || y === 0n) return { x: 1n, y: 1n, z: 0n };
  const delta = (z * z) % p;
  const gamma = (y * y) % p;
  const beta = (x * gamma) % p;
  const alpha = modulo(3n * (x - delta) * (x + delta), p);
  const x3 = modulo(alpha * alpha - 8n * beta, p);
  return {
    x: x3,
    y: modulo(alpha * (4n * beta - x3) - 8n * gamma * gamma, p),
    z: modulo((y + z) * (y + z) - gamma - delta, p),
  };
}

function add(p: bigint, a: Point, b: Point): Point {
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const aa = (a.z * a.z) % p;
  const bb = (b.z * b.z) % p;
  const u1 = (a.x * bb) % p;
  const s1 = modulo(a.y * b.z * bb, p);
  const h = modulo(b.x * aa - u1, p);
  const r = modulo(b.y * a.z * aa - s1, p);
  if (h === 0n) return r === 0n ? double(p, a) : { x: 1n, y: 1n, z: 0n };
  const hh = (h * h) % p;
  const hhh = (h * hh) % p;
  const base = (u1 * hh) % p;
  const x = modulo(r * r - hhh - 2n * base, p);
  return { x, y: modulo(r * (base - x) - s1 * hhh, p), z: modulo(a.z * b.z * h, p) };
}

function inverted(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulo(value, modulus), modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return modulo(x, modulus);
}

function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** A DER INTEGER that is not negative. */
function positive(bytes: Uint8Array): bigint {
  return ((bytes[0] ?? 0x80) & 0x80) === 0 ? big(bytes) : -1n;
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}
