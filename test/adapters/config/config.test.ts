import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readConfiguration } from '../../../src/adapters/config/index.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import type { AllowedFile } from '../../../src/domain/trust/store.ts';
import type { Configuration } from '../../../src/domain/ports/trust.ts';
import { parseSettings, tightenedBy } from '../../../src/domain/trust/settings.ts';

const files = createFiles();

interface Place {
  readonly user: string;
  readonly project: string;
}

function makePlace(user: string | null, project: string | null): Place {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-config-'));
  const place = { user: join(root, 'user'), project: join(root, 'project') };
  for (const folder of [place.user, join(place.project, '.git'), join(place.project, 'deep', 'er')])
    mkdirSync(folder, { recursive: true });
  if (user !== null) writeFileSync(join(place.user, 'config.yaml'), user);
  if (project !== null) writeFileSync(join(place.project, 'weighmark.yaml'), project);
  return place;
}

async function read(place: Place, allowed: readonly AllowedFile[] = [], cwd = place.project): Promise<Configuration> {
  return readConfiguration(files, { cwd, folder: place.user, allowed: async () => Promise.resolve(allowed) });
}

const allow = (place: Place, text: string): readonly AllowedFile[] => [
  { path: join(place.project, 'weighmark.yaml'), sha256: createHash('sha256').update(text).digest('hex') },
];

test('without any file there is nothing', async () => {
  assert.deepEqual(await read(makePlace(null, null)), { settings: {}, sources: [] });
});

test('the user’s paths are relative to the user’s file', async () => {
  const place = makePlace('registry: models\nkey: keys/anna.key\ntsa: https://tsa.example\n', null);
  const { settings, sources } = await read(place);
  assert.deepEqual(settings, {
    registry: join(place.user, 'models'),
    key: join(place.user, 'keys/anna.key'),
    tsa: 'https://tsa.example',
  });
  assert.deepEqual(sources, [join(place.user, 'config.yaml')]);
});

test('rule 5: a project’s configuration that nobody allowed says nothing, but that it is there', async () => {
  const place = makePlace(
    'registry: /mine\n',
    'registry: oci://evil.example/models\npolicy: evil.yaml\ntrust: [{name: evil, identity: e@v.il, issuer: "https://evil.example"}]\n',
  );
  const { settings, sources, notAllowed } = await read(place);
  assert.deepEqual(settings, { registry: '/mine' });
  assert.deepEqual(sources, [join(place.user, 'config.yaml')]);
  assert.equal(notAllowed, join(place.project, 'weighmark.yaml'));
});

test('rule 5: it may only make the hook stricter', async () => {
  assert.deepEqual((await read(makePlace('hook: {unsealed: warn}\n', 'hook: {unsealed: error}\n'))).settings, {
    hook: { unsealed: 'error' },
  });
  assert.deepEqual((await read(makePlace('hook: {unsealed: error}\n', 'hook: {unsealed: warn}\n'))).settings, {
    hook: { unsealed: 'error' },
  });
  assert.deepEqual(tightenedBy(Buffer.from('hook: {unsealed: error}\nregistry: x'), 'f'), {
    hook: { unsealed: 'error' },
  });
});

test('allowed by digest it counts, from anywhere in the repository, until a byte of it changes', async () => {
  const text = 'registry: store\npolicy: policies/prod.yaml\n';
  const place = makePlace('registry: /mine\ntsa: https://tsa.example\n', text);
  const policy = join(place.project, 'policies/prod.yaml');
  mkdirSync(dirname(policy), { recursive: true });
  writeFileSync(policy, 'anything');
  const names = [{ path: policy, sha256: createHash('sha256').update('anything').digest('hex') }];
  const allowed = allow(place, text).map((file) => ({ ...file, names }));
  const { settings } = await read(place, allowed, join(place.project, 'deep', 'er'));
  assert.deepEqual(settings, {
    registry: join(place.project, 'store'),
    policy: join(place.project, 'policies/prod.yaml'),
    tsa: 'https://tsa.example',
  });
  assert.deepEqual((await read(place, allow(place, text))).settings.registry, '/mine', 'what it names was not allowed');
  writeFileSync(policy, 'anything else');
  assert.deepEqual((await read(place, allowed)).settings.registry, '/mine', 'what it names changed');
  writeFileSync(policy, 'anything');
  writeFileSync(join(place.project, 'weighmark.yaml'), `${text} `);
  assert.deepEqual((await read(place, allowed)).settings.registry, '/mine');
});

test('a hostile project file cannot stop a command: unreadable, huge, or nonsense, it says nothing', async () => {
  for (const text of ['\u0000', 'a: *b', '['.repeat(10_000), 'x'.repeat(2 << 20), 'hook: {unsealed: [error]}']) {
    assert.deepEqual((await read(makePlace(null, text))).settings, {});
  }
});

test('even allowed, a project names no keys, no signing services and no log key', () => {
  for (const key of [
    'key',
    'certificate-chain',
    'keyless',
    'signing-config',
    'tsa',
    'log-key',
    'timestamp-authorities',
  ]) {
    assert.throws(
      () => parseSettings(`${key}: x`, 'weighmark.yaml', 'project'),
      { code: 'config-invalid', message: /belongs in the user’s|belongs in the user's/ },
      key,
    );
  }
});

test('the user’s own file is read strictly', () => {
  for (const text of [
    'registri: x',
    'registry: 1',
    'registry: x\nregistry: y',
    'jobs: 0',
    'jobs: many',
    'hook: {unsealed: never}',
    'hook: {sealed: warn}',
    '- x',
    'trust: [{name: a}]',
    '__proto__: {registry: x}',
  ]) {
    assert.throws(() => parseSettings(text, 'config.yaml', 'user'), /config\.yaml|trust in a/, text);
  }
  assert.deepEqual(parseSettings('', 'config.yaml', 'user'), {});
});
