import { sha256Hex } from '../digest/hex.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { memberSource } from '../formats/zip-member.ts';
import { readZip } from '../formats/zip.ts';
import { frontMatter } from './card.ts';
import { fact, field, jsonOf, maybe, textOf, words, type MetadataFile } from './read.ts';
import { parseYaml } from './yaml.ts';
import type { Fact, FactSource, Part } from './types.ts';

/** Names under which tools for agents are described: MCP's registry, clients' settings, bundles (`.mcpb`, `.dxt`). */
const MANIFEST_NAME = /(?:^|\/)(?:server|mcp|\.mcp|mcp_config|claude_desktop_config|manifest)\.json$/i;
const BUNDLE = /\.(?:mcpb|dxt)$/i;
const PROMPT = /(?:^|\/)[^/]+\.(?:prompty|prompt|prompt\.(?:md|ya?ml))$/i;
const MANIFEST_BYTES = 4 << 20;

/** Whether a file's name says that it may be a part of an agent: its content tells whether it is. */
export function mayBeAgentPart(name: string): boolean {
  return MANIFEST_NAME.test(name) || BUNDLE.test(name) || PROMPT.test(name);
}

/** The description of an MCP server or bundle, by what it holds: other tools have a `manifest.json` and a `server.json` too. */
export function isMcpManifest(path: string, value: unknown): value is { readonly [key: string]: Json } {
  if (!MANIFEST_NAME.test(path) || !isJsonObject(value)) return false;
  const { $schema, mcpServers, server } = value;
  if (isJsonObject(mcpServers) || (typeof $schema === 'string' && $schema.includes('modelcontextprotocol')))
    return true;
  const versions = [value['dxt_version'], value['mcpb_version'], value['manifest_version']];
  return isJsonObject(server) && versions.some((version) => typeof version === 'string');
}

/** `SKILL.md`: what the front matter says of the skill. @see https://agentskills.io/specification */
export function readSkill(file: MetadataFile): readonly Fact[] {
  const matter = frontMatter(textOf(file));
  const value = matter === null ? {} : parseYaml(matter, file.path);
  return [...about(value, file.path), part(file, 'skill', words(field(value, 'name'), 200) ?? 'skill')];
}

/** `.claude-plugin/plugin.json`: skills, commands and servers under one name. */
export function readPlugin(file: MetadataFile): readonly Fact[] {
  const value = jsonOf(file);
  const name = words(field(value, 'name'), 200);
  return name === undefined ? [] : [...about(value, file.path), part(file, 'plug-in', name)];
}

/** Servers that a client's settings name, or the one that a bundle or MCP's registry describes. Of a command's words only the first is said: the others may be secrets. */
export function readMcpManifest(file: MetadataFile): readonly Fact[] {
  const value = jsonOf(file);
  if (!isMcpManifest(file.path, value)) return [];
  const servers = value['mcpServers'];
  if (!isJsonObject(servers)) {
    const name = words(value['name'], 200) ?? 'server';
    return [...about(value, file.path), part(file, 'mcp-server', name)];
  }
  return Object.entries(servers)
    .slice(0, MOST)
    .flatMap(([name, server]) => [
      part(file, 'mcp-server', name.slice(0, 200)),
      ...maybe('detail', startOf(name, server), at(file.path, `/mcpServers/${name}`)),
    ]);
}

const MOST = 1000;

function startOf(name: string, server: Json): { name: string; value: string } | undefined {
  const url = words(field(server, 'url'));
  const host = url !== undefined && URL.canParse(url) ? new URL(url).host : undefined;
  const value = host ?? words(field(server, 'command'), 200);
  return value === undefined ? undefined : { name: `mcp:${name.slice(0, 100)}`, value };
}

/** A file that is a prompt as a whole. */
export function readPromptPart(file: MetadataFile): readonly Fact[] {
  const matter = frontMatter(textOf(file));
  const value = matter === null ? {} : parseYaml(matter, file.path);
  const base = file.path.slice(file.path.lastIndexOf('/') + 1);
  return [part(file, 'prompt', words(field(value, 'name'), 200) ?? base)];
}

/**
 * What the manifest in a bundle says, as if it lay there by itself. A zip that cannot be read says nothing: the scan tells.
 * @param path of the bundle
 */
export async function readBundle(path: string, source: Source): Promise<readonly Fact[]> {
  if (!BUNDLE.test(path)) return [];
  try {
    const entry = (await readZip(source)).entries.find(({ name }) => name === 'manifest.json');
    if (entry === undefined || entry.size > MANIFEST_BYTES) return [];
    const member = memberSource(source, entry);
    const bytes = await member.read(0, entry.size);
    return readMcpManifest({ path: `${path}/manifest.json`, bytes }).map((each) =>
      each.field === 'part' ? { ...each, value: { ...each.value, path } } : each,
    );
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}

export const AGENT_PATTERNS = {
  skill: /(?:^|\/)SKILL\.md$/,
  plugin: /(?:^|\/)\.claude-plugin\/plugin\.json$/,
  manifest: MANIFEST_NAME,
  prompt: PROMPT,
} as const;

/** What a part deeper inside says of itself is not said of the artifact. */
function isTop(path: string): boolean {
  return /^(?:\.claude-plugin\/|[^/]+\.(?:mcpb|dxt)\/)?[^/]+$/i.test(path);
}

function about(value: Json | undefined, path: string): readonly Fact[] {
  if (!isTop(path)) return [];
  const author = field(value, 'author');
  const authorName = words(isJsonObject(author) ? author['name'] : author, 200);
  const licence = words(field(value, 'license'), 200);
  return [
    ...maybe('name', words(field(value, 'name'), 200), at(path, '/name')),
    ...maybe('version', words(field(value, 'version'), 100), at(path, '/version')),
    ...maybe('description', words(field(value, 'description')), at(path, '/description')),
    ...maybe('author', authorName === undefined ? undefined : { name: authorName }, at(path, '/author')),
    ...maybe('licence', licence === undefined ? undefined : { text: licence }, at(path, '/license')),
  ];
}

function part({ path, bytes }: MetadataFile, kind: Part['kind'], name: string): Fact {
  return fact(
    'part',
    { kind, name, digests: { sha256: sha256Hex(bytes) }, sizeBytes: bytes.byteLength, path },
    at(path),
  );
}

function at(path: string, pointer?: string): FactSource {
  return pointer === undefined ? { file: path } : { file: path, pointer };
}
