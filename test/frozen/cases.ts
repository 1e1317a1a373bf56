import type { Case } from './run.ts';

/**
 * What every build says of a world that `fixtures/0.1/make.ts` made, with any build: 0.1's, read by every later one, and a
 * later one's, read by 0.1.
 */
export const READS: readonly Case[] = [
  {
    what: 'inspect',
    words: ['inspect', 'sealed/enc-1.0'],
    codes: [0],
    says: ['safetensors, 2 tensors, 20 parameters (F32)', 'model.sig'],
  },
  { what: 'scan', words: ['scan', 'sealed'], codes: [0] },
  { what: 'bom validate', words: ['bom', 'validate', 'sealed/enc-1.0/.weighmark/bom.cdx.json'], codes: [0] },
  {
    what: 'bom verify',
    words: ['bom', 'verify', 'sealed/base-1/.weighmark/bom.cdx.json', 'sealed/base-1'],
    codes: [0],
    says: ['VERIFIED'],
  },
  {
    what: 'trust list',
    words: ['trust', 'list'],
    codes: [0],
    says: ['boss', 'for policy/frozen', 'cora@acme.example under CN=acme root'],
  },

  {
    what: 'verify: by a key of the trust store',
    words: ['verify', 'sealed/base-1'],
    codes: [0],
    says: ['is what anna signed', 'acme/base:1@'],
  },
  {
    what: 'verify: by a certificate under a root of the trust store',
    words: ['verify', 'sealed/enc-1.0', '--by', 'acme'],
    codes: [0],
    says: ['is what acme signed', 'acme/enc:1.0@'],
  },
  {
    what: 'verify: by a chain and an identity',
    words: [
      'verify',
      'sealed/enc-1.0',
      '--certificate-chain',
      'certificates/root.pem',
      '--identity',
      'cora@acme.example',
      '--algorithm',
      'all',
    ],
    codes: [0],
  },
  {
    what: 'verify: a dataset',
    words: ['verify', 'sealed/data-1', '--key', 'keys/dana.pub'],
    codes: [0],
    says: ['acme/data:1@'],
  },
  {
    what: 'verify: a single file',
    words: ['verify', 'sealed/tiny.safetensors', '--key', 'keys/anna.pub'],
    codes: [0],
    says: ['acme/tiny:1@'],
  },
  {
    what: 'verify: part of it',
    words: ['verify', 'sealed/base-1', '--only', 'model.safetensors#bias'],
    codes: [0],
    says: ['partial'],
  },
  {
    what: 'verify: another key',
    words: ['verify', 'sealed/base-1', '--key', 'keys/mallory.pub'],
    codes: [1],
    says: ['[signer-untrusted]'],
  },
  {
    what: 'verify: another identity',
    words: [
      'verify',
      'sealed/enc-1.0',
      '--certificate-chain',
      'certificates/root.pem',
      '--identity',
      'eve@acme.example',
    ],
    codes: [1],
    says: ['[identity-mismatch]'],
  },
  {
    what: 'verify: a signer whom nobody trusts',
    words: ['verify', 'sealed/strange-1'],
    codes: [1],
    says: ['[signer-untrusted]'],
  },
  {
    what: 'verify: other bytes than were signed',
    words: ['verify', 'sealed/strange-1', '--signature', 'sealed/base-1/model.sig', '--key', 'keys/anna.pub'],
    codes: [1],
    says: ['[digest-mismatch]'],
  },

  {
    what: 'list',
    words: ['list'],
    codes: [0],
    says: [
      'acme/base:1@',
      'acme/data:1@',
      'acme/data:2@',
      'acme/enc:1.0@',
      'acme/enc:1.1@',
      'acme/enc:1.2@',
      'acme/enc:1.3@',
      'acme/old:1@',
      'acme/stolen:1@',
      'acme/strange:1@',
      'acme/tiny:1@',
    ],
  },
  {
    what: 'show',
    words: ['show', 'acme/enc:1.0'],
    codes: [0],
    says: ['acme/enc:1.0@', '9 claims', '10 entries', 'promotion prod'],
  },
  { what: 'diff', words: ['diff', 'acme/enc:1.0', 'acme/enc:1.1'], codes: [1], says: ['2 tensors'] },
  {
    what: 'log show',
    words: ['log', 'show'],
    codes: [0],
    says: ['by cora, certificate', 'by rita', '[signer-untrusted]'],
  },
  {
    what: 'log verify: a proof',
    words: ['log', 'verify', 'enc-1.0.tlog-proof'],
    codes: [0],
    says: ['promotion', 'VERIFIED: it is logged'],
  },
  {
    what: 'log prove',
    words: ['log', 'prove', 'acme/old:1', '--kind', 'revocation'],
    codes: [0],
    says: ['c2sp.org/tlog-proof@v1'],
  },
  {
    what: 'lineage',
    words: ['lineage', 'acme/enc:1.0'],
    codes: [0],
    says: ['fine-tune by cora', 'train by anna', 'described'],
  },
  {
    what: 'lineage of what nobody trusted made',
    words: ['lineage', 'acme/strange:1'],
    codes: [1],
    says: ['[lineage-missing]'],
  },
  {
    what: 'impact',
    words: ['impact', 'acme/data:1'],
    codes: [0],
    says: ['8 descend from it; 3 promotions concern it'],
  },
  {
    what: 'report',
    words: ['report', 'acme/enc:1.0', '--env', 'prod', '--format', 'markdown'],
    codes: [0],
    says: ['**verified**', 'approved by bob'],
  },
  {
    what: 'report of what was revoked',
    words: ['report', 'acme/old:1', '--env', 'staging', '--format', 'markdown'],
    codes: [1],
    says: ['revoked'],
  },

  {
    what: 'verify --env: what runs in prod',
    words: ['verify', 'acme/enc:1.0@', '--env', 'prod'],
    codes: [0],
    says: ['is what is promoted to prod', '5 revocations known'],
  },
  {
    what: 'verify --env: what runs in staging',
    words: ['verify', 'acme/enc:1.1', '--env', 'staging'],
    codes: [0],
    says: ['acme/enc:1.1@'],
  },
  {
    what: 'verify --env: rolled back',
    words: ['verify', 'acme/enc:1.1', '--env', 'prod'],
    codes: [1],
    says: ['[not-promoted]'],
  },
  {
    what: 'verify --env: revoked',
    words: ['verify', 'acme/old:1', '--env', 'staging'],
    codes: [1],
    says: ['[revoked]'],
  },
  {
    what: 'audit',
    words: ['audit'],
    codes: [1],
    says: ['acme/enc in prod holds', 'acme/enc in staging holds', '[revoked]', 'acme/old in staging'],
  },
  {
    what: 'policy explain',
    words: ['policy', 'explain', 'acme/enc:1.3', '--env', 'prod'],
    codes: [1],
    says: ['[approval-missing]', 'evaluation by erin', 'licence Apache-2.0'],
  },
  {
    what: 'pull: another version is in prod',
    words: ['pull', 'acme/enc:1.1', 'not-pulled', '--env', 'prod'],
    codes: [1],
    says: ['[not-promoted]'],
  },

  {
    what: 'promote: what may enter',
    words: ['promote', 'acme/enc:1.3', '--env', 'staging', '--key', 'keys/ci.key', '--dry-run'],
    codes: [0],
    says: ['acme/enc:1.3@'],
  },
  {
    what: 'promote: a failed evaluation',
    words: ['promote', 'acme/enc:1.2', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[claim-negative]'],
  },
  {
    what: 'promote: revoked',
    words: ['promote', 'acme/old:1', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[revoked]'],
  },
  {
    what: 'promote: by a stolen key',
    words: ['promote', 'acme/stolen:1', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1, 4],
    says: ['[revoked]'],
  },
  {
    what: 'promote: by nobody',
    words: ['promote', 'acme/strange:1', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[claim-missing]'],
  },
  {
    what: 'promote: by who may not',
    words: ['promote', 'acme/tiny:1', '--env', 'staging', '--key', 'keys/mallory.key'],
    codes: [1],
    says: ['[wrong-signer]'],
  },
];

/** A later build takes the registry over and goes on in it: in this order. */
export const GOES_ON: readonly Case[] = [
  {
    what: 'the log continues what 0.1 remembered',
    words: ['log', 'verify'],
    codes: [0],
    says: ['every tile', 'continues what this user saw before'],
  },
  { what: 'pull', words: ['pull', 'acme/enc:1.0', 'pulled', '--env', 'prod'], codes: [0], says: ['acme/enc:1.0@'] },
  {
    what: 'what was pulled verifies',
    words: ['verify', 'pulled', '--by', 'acme'],
    codes: [0],
    says: ['acme/enc:1.0@'],
  },
  {
    what: 'a registry of this build',
    words: ['registry', 'init', 'copied', '--origin', 'models.acme.example/copied'],
    codes: [0],
  },
  {
    what: 'copy into it',
    words: ['copy', 'acme/enc:1.0', 'copied'],
    codes: [0],
    says: ['acme/data:1@', 'acme/data:2@', 'acme/base:1@', 'acme/enc:1.0@', '5 revocations came along'],
  },
  {
    what: 'the copy has the same ids',
    words: ['list', '--registry', 'copied'],
    codes: [0],
    says: ['acme/data:1@', 'acme/data:2@', 'acme/base:1@', 'acme/enc:1.0@'],
  },
  {
    what: 'promote to staging',
    words: ['promote', 'acme/enc:1.3', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [0],
    says: ['acme/enc:1.3@', 'bom by cora'],
  },
  {
    what: 'prod asks for an approval',
    words: ['promote', 'acme/enc:1.3', '--env', 'prod', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[approval-missing]'],
  },
  {
    what: 'approve',
    words: ['approve', 'acme/enc:1.3', '--env', 'prod', '--key', 'keys/ben.key', '--yes'],
    codes: [0],
    says: ['acme/enc:1.3@'],
  },
  {
    what: 'promote to prod',
    words: ['promote', 'acme/enc:1.3', '--env', 'prod', '--key', 'keys/ci.key'],
    codes: [0],
    says: ['acme/enc:1.3@', 'approved by ben'],
  },
  {
    what: 'the snapshot of revocations is older than the promotion',
    words: ['verify', 'acme/enc:1.3', '--env', 'prod'],
    codes: [4],
    says: ['[revocations-stale]'],
  },
  { what: 'a snapshot', words: ['revoke', '--snapshot', '20000d', '--key', 'keys/rita.key'], codes: [0] },
  {
    what: 'what is in prod now',
    words: ['verify', 'acme/enc:1.3', '--env', 'prod'],
    codes: [0],
    says: ['acme/enc:1.3@'],
  },
  {
    what: 'roll back',
    words: ['rollback', 'acme/enc', '--env', 'prod', '--key', 'keys/ci.key'],
    codes: [0],
    says: ['acme/enc:1.0@'],
  },
  {
    what: 'revoke',
    words: ['revoke', 'acme/enc:1.1', '--reason', 'bad', '--key', 'keys/rita.key', '--yes'],
    codes: [0],
    says: ['REVOKED by rita'],
  },
  {
    what: 'never back to what was revoked',
    words: ['rollback', 'acme/enc', '--env', 'prod', '--to', '1.1', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[revoked]'],
  },
  { what: 'another snapshot', words: ['revoke', '--snapshot', '20000d', '--key', 'keys/rita.key'], codes: [0] },
  {
    what: 'sign with an encrypted key',
    words: ['sign', 'next', '--key', 'keys/boss.key', '--signature', 'next.sig'],
    codes: [0],
  },
  {
    what: 'seal on top of a base model that 0.1 sealed',
    words: [
      'seal',
      'next',
      '--name',
      'acme/enc:2.0',
      '--step',
      'fine-tune',
      '--input',
      'base-model=acme/base:1',
      '--input',
      'dataset=acme/data:2',
      '--key',
      'keys/anna.key',
    ],
    codes: [0],
  },
  { what: 'push it', words: ['push', 'next'], codes: [0] },
  {
    what: 'promote it',
    words: ['promote', 'acme/enc:2.0', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [0],
    says: ['bom by anna'],
  },
];

/** What then stands in the registry, for the build that went on and for 0.1, which wrote its beginning. */
export const AFTERWARDS: readonly Case[] = [
  {
    what: 'the log',
    words: ['log', 'verify'],
    codes: [0],
    says: ['every tile', 'continues what this user saw before'],
  },
  { what: 'prod', words: ['verify', 'acme/enc:1.0', '--env', 'prod'], codes: [0], says: ['acme/enc:1.0@'] },
  { what: 'prod, no longer', words: ['verify', 'acme/enc:1.3', '--env', 'prod'], codes: [1], says: ['[not-promoted]'] },
  { what: 'staging', words: ['verify', 'acme/enc:2.0', '--env', 'staging'], codes: [0] },
  {
    what: 'revoked by a later build',
    words: ['promote', 'acme/enc:1.1', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[revoked]'],
  },
  { what: 'revoked by 0.1', words: ['verify', 'acme/old:1', '--env', 'staging'], codes: [1], says: ['[revoked]'] },
  { what: 'audit of prod', words: ['audit', '--env', 'prod'], codes: [0], says: ['acme/enc in prod holds'] },
];
