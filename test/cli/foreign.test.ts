import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as tar from 'tar';
import { digestOf, startRegistry, type TestRegistry } from '../adapters/registries/server.ts';
import { BARE, PROGRAM } from '../program.ts';

/** What KitOps, ORAS, ModelPack's clients and Docker Model Runner pushed, through the whole program. */
const stops: (() => void)[] = [];
let folder = '';
let server: TestRegistry;
let registry = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weighmark-foreign-'));
  server = await startRegistry({ after: (stop: () => void) => void stops.push(stop) });
  registry = `oci://${server.host}/acme`;
  assert.equal((await run(['keygen', 'anna', '--no-password'])).code, 0);
  assert.equal((await run(['registry', 'init', registry])).code, 0);
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'src', 'bad.pkl'), EVIL);
  await writeFile(join(folder, 'src', 'notes.txt'), 'notes\n');
  await tar.create({ cwd: join(folder, 'src'), file: join(folder, 'layer.tar'), portable: true }, [
    'bad.pkl',
    'notes.txt',
  ]);
  await push();
});
after(async () => {
  for (const stop of stops) stop();
  await rm(folder, { recursive: true, force: true });
});

/** A pickle that would call `os.system`. */
const EVIL = Buffer.from("cos\nsystem\n(S'true'\ntR.");
const MODELPACK = 'application/vnd.cncf.model.config.v1+json';

function safetensors(): Buffer {
  const header = Buffer.from('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(8)]);
}

interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** As those tools do: blobs, then the manifest under a tag. */
function put(name: string, config: string, layers: readonly Layer[]): void {
  const blob = (mediaType: string, bytes: Buffer) => {
    server.blobs.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: blob(config, Buffer.from('{}')),
    layers: layers.map(({ mediaType, bytes, annotations }) => ({
      ...blob(mediaType, bytes),
      ...(annotations === undefined ? {} : { annotations }),
    })),
    annotations: { 'org.opencontainers.image.created': '2026-11-01T00:00:00Z' },
  };
  const bytes = Buffer.from(JSON.stringify(manifest, null, 2));
  for (const key of ['1', digestOf(bytes)]) server.manifests.set(`acme/${name} ${key}`, { bytes, type });
}

async function push(): Promise<void> {
  const packed = await readFile(join(folder, 'layer.tar'));
  const path = (at: string) => ({ annotations: { 'org.cncf.model.filepath': at } });
  const title = (at: string, more = {}) => ({ annotations: { 'org.opencontainers.image.title': at, ...more } });
  put('modelpack', MODELPACK, [
    { mediaType: 'application/vnd.cncf.model.weight.v1.raw', bytes: safetensors(), ...path('model.safetensors') },
    { mediaType: 'application/vnd.cncf.model.doc.v1.raw', bytes: Buffer.from('# m\n'), ...path('README.md') },
  ]);
  put('kit', 'application/vnd.kitops.modelkit.config.v1+json', [
    { mediaType: 'application/vnd.kitops.modelkit.model.v1.tar+gzip', bytes: gzipSync(packed) },
  ]);
  put('oras', 'application/vnd.oci.empty.v1+json', [
    { mediaType: 'application/vnd.oci.image.layer.v1.tar', bytes: safetensors(), ...title('w.safetensors') },
    {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      bytes: gzipSync(packed),
      ...title('more', { 'io.deis.oras.content.unpack': 'true' }),
    },
  ]);
  put('docker', 'application/vnd.docker.ai.model.config.v0.1+json', [
    { mediaType: 'application/vnd.docker.ai.safetensors', bytes: safetensors() },
    { mediaType: 'application/vnd.docker.ai.license', bytes: Buffer.from('MIT License\n') },
  ]);
  put('odd', 'application/vnd.kitops.modelkit.config.v1+json', [
    { mediaType: 'x/y', bytes: Buffer.from('1'), ...title('a') },
    { mediaType: 'x/y', bytes: Buffer.from('2'), ...title('a') },
  ]);
}

async function run(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: registry },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, out, err };
}

const FILES: Readonly<Record<string, readonly string[]>> = {
  modelpack: ['README.md', 'model.safetensors'],
  kit: ['model.tar.gz'],
  oras: ['more.tar.gz', 'w.safetensors'],
  docker: ['LICENSE', 'model.safetensors'],
};

for (const [name, files] of Object.entries(FILES)) {
  describe(`what a client pushed as ${name}`, () => {
    test('is shown and inspected where it lies', async () => {
      const shown = await run(['show', `${name}:1`, '--json']);
      assert.equal(shown.code, 0, shown.err);
      const { files: listed } = JSON.parse(shown.out) as { files: { path: string }[] };
      assert.deepEqual(
        listed.map(({ path }) => path),
        files,
      );
      const inspected = await run(['inspect', `${name}:1`]);
      assert.equal(inspected.code, 0, inspected.err);
      assert.match(inspected.out, name === 'kit' ? /model\.tar\.gz/ : /safetensors, 1 tensor/);
    });

    test('is pulled, scanned and sealed', async () => {
      const pulled = await run(['pull', `${name}:1`, `pulled-${name}`]);
      assert.equal(pulled.code, 0, pulled.err);
      const found = (await readdir(join(folder, `pulled-${name}`))).filter((file) => !file.startsWith('.'));
      assert.deepEqual(found.toSorted(), files.toSorted());
      const scanned = await run(['scan', `pulled-${name}`]);
      const holdsArchive = files.some((file) => file.endsWith('.tar.gz'));
      assert.equal(scanned.code, holdsArchive ? 1 : 0, scanned.out + scanned.err);
      if (holdsArchive) return assert.match(scanned.out, /bad\.pkl/, 'the file inside is named');
      const sealed = await run(['seal', `pulled-${name}`, '--key', 'anna.key']);
      assert.equal(sealed.code, 0, sealed.err);
      return assert.equal((await run(['verify', `pulled-${name}`, '--key', 'anna.pub'])).code, 0);
    });

    test('is attested and verified where it lies, every byte read back', async () => {
      assert.equal((await run(['verify', `${name}:1`, '--key', 'anna.pub'])).code, 3, 'nobody signed it');
      const attested = await run([
        'attest',
        `${name}:1`,
        '--type',
        'evaluation',
        '--result',
        'passed',
        '--metric',
        'a=1',
        '--key',
        'anna.key',
      ]);
      assert.equal(attested.code, 0, attested.err);
      const verified = await run(['verify', `${name}:1`, '--key', 'anna.pub']);
      assert.equal(verified.code, 0, verified.out + verified.err);
    });
  });
}

/** What `oras pull` does: every layer under its title, and nothing that has none. */
async function pullByTitles(name: string, target: string): Promise<number> {
  const { bytes } = server.manifests.get(`acme/${name} 1`) ?? { bytes: Buffer.from('{"layers":[]}') };
  const { layers } = JSON.parse(bytes.toString()) as {
    layers: { digest: string; annotations?: Record<string, string> }[];
  };
  const titled = layers.filter(({ annotations }) => annotations?.['org.opencontainers.image.title'] !== undefined);
  for (const { digest, annotations } of titled) {
    const path = join(folder, target, annotations?.['org.opencontainers.image.title'] ?? '');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, server.blobs.get(digest) ?? '');
  }
  return titled.length;
}

test('sealed, pushed as version 2, pulled by titles: every file, and it verifies as what was sealed', async () => {
  await mkdir(join(folder, 'ours', 'sub'), { recursive: true });
  await writeFile(join(folder, 'ours', 'model.safetensors'), safetensors());
  await writeFile(join(folder, 'ours', 'sub', 'config.json'), '{}');
  assert.equal((await run(['push', 'ours', 'unsealed:1'])).code, 0);
  assert.equal(await pullByTitles('unsealed', 'pulled-unsealed'), 2, 'what nobody sealed goes up as version 2');
  assert.equal((await run(['seal', 'ours', '--key', 'anna.key', '--name', 'ours:1'])).code, 0);
  assert.equal((await run(['push', 'ours'])).code, 0);
  assert.equal(await pullByTitles('ours', 'none'), 0, 'the version that its seal signed');
  const pushed = await run(['push', 'ours', '--manifest', '2']);
  assert.equal(pushed.code, 0, pushed.err);
  assert.equal(await pullByTitles('ours', 'pulled-ours'), 2);
  for (const sidecar of ['model.sig', 'claims.jsonl'])
    await copyFile(join(folder, 'ours', sidecar), join(folder, 'pulled-ours', sidecar));
  for (const ref of ['pulled-ours', 'ours:1']) {
    const verified = await run(['verify', ref, '--key', 'anna.pub']);
    assert.equal(verified.code, 0, verified.out + verified.err);
    assert.match(verified.out, /ML-BOM by/, 'claims that name the other id are about it');
  }
  const shown = await run(['show', 'ours:1', '--json']);
  const { id, ids } = JSON.parse(shown.out) as { id: string; ids: string[] };
  assert.deepEqual([ids.length, ids.includes(id)], [2, true]);
});

test('a changed blob of another tool’s artifact is found', async () => {
  const [digest] = [...server.blobs].find(([, bytes]) => bytes.equals(Buffer.from('# m\n'))) ?? [''];
  const right = server.blobs.get(digest) ?? Buffer.alloc(0);
  server.blobs.set(digest, Buffer.from('# M\n'));
  const { code, out, err } = await run(['verify', 'modelpack:1', '--key', 'anna.pub']);
  server.blobs.set(digest, right);
  assert.equal(code, 1, out + err);
});

test('what cannot be read says whose it is, and what to do', async () => {
  const { code, err } = await run(['inspect', 'odd:1']);
  assert.equal(code, 1);
  assert.match(err, /ModelKit of KitOps.*two of its layers/s);
  assert.match(err, /hint: pull it with the tool that pushed it/);
});
