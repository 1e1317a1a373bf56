import { globSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initRegistry, openRegistry } from '../../src/adapters/registries/index.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { NO_BUNDLE, leafOf, putModel } from '../adapters/registries/scratch.ts';
import { startRegistry } from '../adapters/registries/server.ts';
import type { Target } from './targets.ts';

/** What a registry answers in place of one thing it is asked for: its server, whoever is between, or its folder. */
interface Answering {
  readonly open: () => Promise<Registry>;
  /** From now on these bytes stand there. */
  readonly put: (bytes: Uint8Array) => void;
}

/** Of what no digest was asked: whoever answers may say anything. */
const ASKED: Readonly<Record<string, RegExp>> = {
  tags: /\/tags\//,
  referrers: /\/referrers\//,
  manifest: /\/manifests\/(?!sha256)/,
};

const STARTS: readonly string[] = [
  '{"name":"acme/enc","tags":["1","sha256-00.sig"]}',
  '<http://[>; rel="next"\n{"tags":["1"]}',
  '</v2/acme/enc/tags/list?n=2>; rel="next"\n{"tags":["1"]}',
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${NO_BUNDLE}","size":3,"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","annotations":{"org.opencontainers.image.ref.name":"1"}}]}`,
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${NO_BUNDLE}","size":2},"layers":[{"mediaType":"text/plain","digest":"${NO_BUNDLE}","size":9}]}`,
];

export function answers(): readonly Target[] {
  return [
    ...Object.entries(ASKED).map(([what, url]) => target(`registries/oci:${what}`, () => server(url))),
    target('registries/embedded:index', folder),
  ];
}

/** What it answers with is made when it is first needed. */
function target(name: string, make: () => Promise<Answering>): Target {
  let made: Promise<Answering> | undefined;
  return {
    name,
    run: async (bytes) => {
      const { open, put } = await (made ??= make());
      put(bytes);
      await readAll(open);
    },
    seeds: (path) => /(?:manifest|index|oci)[^/]*\.json$/.test(path),
    starts: STARTS.map((text) => Buffer.from(text)),
  };
}

/** Each question for itself: one that is refused keeps the others from nothing. */
async function readAll(open: () => Promise<Registry>): Promise<void> {
  const registry = await open();
  const asked = await Promise.allSettled([
    registry.list(),
    registry.resolve('enc', '1'),
    registry.claims('enc', NO_BUNDLE),
    registry.attachmentTypes('enc', NO_BUNDLE),
    registry.log.pending(),
    registry.log.read(),
  ]);
  const refusals = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  for (const reason of refusals.toSorted((a, b) => rank(a) - rank(b))) throw reason;
}

/** What is no refusal is what is thrown. */
function rank(reason: unknown): number {
  return reason instanceof Error && reason.constructor.name === 'WeighmarkError' ? 1 : 0;
}

async function filled(registry: Registry): Promise<void> {
  await putModel(registry, 'enc', { text: 'one', tag: '1' });
  await registry.log.append([leafOf(0)]);
}

/** The first line is its `Link`, if it looks like one. */
async function server(wanted: RegExp): Promise<Answering> {
  const served = await startRegistry({ after: () => {} });
  served.referrers = true;
  const [location, deps] = [`oci://${served.host}/acme`, { env: { HOME: newFolder() } }];
  await initRegistry(location, {}, deps);
  await filled(await openRegistry(location, deps));
  return {
    open: () => openRegistry(location, deps),
    put: (bytes) => {
      const [, link = '', body = ''] = /^(<[\x20-\x7e]*\n)?([^]*)$/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
      served.requests.length = 0;
      served.fault = (request: IncomingMessage, response) => {
        if (request.method !== 'GET' || !wanted.test(request.url ?? '')) return false;
        response.writeHead(200, link === '' ? {} : { link: link.trim() });
        response.end(Buffer.from(body, 'latin1'));
        return true;
      };
    },
  };
}

async function folder(): Promise<Answering> {
  const [home, place] = [newFolder(), newFolder()];
  const deps = { env: { HOME: home } };
  await initRegistry(place, {}, deps);
  await filled(await openRegistry(place, deps));
  const [index = ''] = globSync(join(place, '**/index.json'));
  return { open: () => openRegistry(place, deps), put: (bytes) => writeFileSync(index, bytes) };
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'weighmark-fuzz-'));
}
