import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { withoutSecrets } from '../../../src/domain/base/secrets.ts';

test('passwords and tokens that an address carries are in no text', () => {
  for (const address of [
    'oci://user:HUNTER2@host/acme/m:1',
    'oci://user:HUNTER2/x@host/acme',
    'oci://HUNTER2@host',
    'https://a:b@HUNTER2@host/',
    'https://feeds.example/f.json?x=1&access_token=HUNTER2&y=2',
    'https://s3.example/f?X-Amz-Signature=HUNTER2',
    'https://x.example/?key=HUNTER2',
    '--key-password=HUNTER2',
    '/home/anna/https:/user:HUNTER2@host/models',
    'C:\\models\\oci:/user:HUNTER2/x@host',
    '/home/anna/oci:/HUNTER2@host/models',
  ]) {
    const { message, subject, facts, hint } = new WeighmarkError('usage', `\`${address}\` is wrong`, {
      subject: address,
      facts: { address },
      hint: address,
    });
    assert.doesNotMatch(JSON.stringify([message, subject, facts, hint]), /HUNTER2/, address);
  }
});

test('what only looks like one stays', () => {
  for (const text of [
    `oci://host:5000/acme/m@sha256:${'a'.repeat(64)}`,
    'oci://localhost:5000/m:1',
    'pkg:npm/%40scope/x@1.0?checksum=sha256:ab',
    'model.sig by anna@example.com, key SHA256:9f2c',
    'https://github.com/acme/m/.github/workflows/x.yml@refs/heads/main',
    'weighmark://log.example/m?env=prod',
    'https://x.example/?author=me',
    'C:/models/enc:1@v2',
    '/srv/models/user:1@host/x',
    'weighmark:policy/acme@3',
    '/srv/oci:/host:5000/acme@sha256:ab',
  ])
    assert.equal(withoutSecrets(text), text);
});

test('a hostile text takes no longer than its length', () => {
  const text = 'a://b:c?tokenab:/b:c'.repeat(20_000);
  assert.equal(withoutSecrets(text), text);
});
