import { Buffer } from 'node:buffer';
import { fact, maybe, textOf, type MetadataFile } from './read.ts';
import { pypiPurl } from './purl.ts';
import type { Fact, FactSource, Software } from './types.ts';

/** `*.dist-info/METADATA` (core metadata 2.x): what a wheel says of itself. */
export function readWheelMetadata(file: MetadataFile): readonly Fact[] {
  const headers = headersOf(textOf(file));
  const one = (key: string): { text: string; line: number } | undefined => headers.find((header) => header.key === key);
  const at = (line: number): FactSource => ({ file: file.path, pointer: `line ${line}` });
  const said = <T>(key: string, make: (text: string, source: FactSource) => T): readonly T[] => {
    const header = one(key);
    return header === undefined ? [] : [make(header.text, at(header.line))];
  };
  return [
    ...said('name', (text, source) => fact('name', text, source)),
    ...said('version', (text, source) => fact('version', text, source)),
    ...said('summary', (text, source) => fact('description', text, source)),
    ...authorFacts(headers, at),
    ...licenceFacts(headers, at),
    ...purlFacts(headers, at),
    ...headers
      .filter(({ key }) => key === 'requires-dist')
      .flatMap(({ text, line }) => requirementFact(text, at(line))),
    ...headers
      .filter(({ key }) => key === 'project-url' || key === 'home-page')
      .flatMap(({ key, text, line }) => urlFact(key, text, at(line))),
  ];
}

interface Header {
  readonly key: string;
  readonly text: string;
  readonly line: number;
}

/** RFC 822 headers up to the first blank line; continuation lines (long licences, descriptions) are left out. */
function headersOf(text: string): readonly Header[] {
  const lines = text.slice(0, 1 << 20).split(/\r?\n/);
  const end = lines.indexOf('');
  return lines.slice(0, end < 0 ? lines.length : end).flatMap((line, index) => {
    const [, key, value] = /^([A-Za-z][A-Za-z-]{0,40}):[ \t]*(.{1,4000})$/.exec(line) ?? [];
    return key === undefined || value === undefined || value.trim() === 'UNKNOWN'
      ? []
      : [{ key: key.toLowerCase(), text: value.trim(), line: index + 1 }];
  });
}

type At = (line: number) => FactSource;

const TROVE = new Map([
  ['MIT License', 'MIT'],
  ['MIT No Attribution License (MIT-0)', 'MIT-0'],
  ['ISC License (ISCL)', 'ISC'],
  ['Mozilla Public License 2.0 (MPL 2.0)', 'MPL-2.0'],
  ['The Unlicense (Unlicense)', 'Unlicense'],
  ['Apache Software License', 'Apache Software License'],
  ['BSD License', 'BSD License'],
  ['GNU General Public License v2 (GPLv2)', 'GPL-2.0-only'],
  ['GNU General Public License v2 or later (GPLv2+)', 'GPL-2.0-or-later'],
  ['GNU General Public License v3 (GPLv3)', 'GPL-3.0-only'],
  ['GNU General Public License v3 or later (GPLv3+)', 'GPL-3.0-or-later'],
  ['GNU Lesser General Public License v3 (LGPLv3)', 'LGPL-3.0-only'],
  ['GNU Lesser General Public License v3 or later (LGPLv3+)', 'LGPL-3.0-or-later'],
  ['GNU Affero General Public License v3', 'AGPL-3.0-only'],
  ['GNU Affero General Public License v3 or later (AGPLv3+)', 'AGPL-3.0-or-later'],
]);

/** `License-Expression` (PEP 639), else `License`, else the classifiers; a classifier alone may name no version. */
function licenceFacts(headers: readonly Header[], at: At): readonly Fact[] {
  const declared =
    headers.find(({ key }) => key === 'license-expression') ??
    headers.find(({ key, text }) => key === 'license' && text.length <= 100);
  if (declared !== undefined) return [fact('licence', { text: declared.text }, at(declared.line))];
  return headers.flatMap(({ key, text, line }) => {
    const name = key === 'classifier' && text.startsWith('License :: ') ? text.split(' :: ').at(-1) : undefined;
    return name === undefined || name === 'OSI Approved'
      ? []
      : [fact('licence', { text: TROVE.get(name) ?? name }, at(line))];
  });
}

function authorFacts(headers: readonly Header[], at: At): readonly Fact[] {
  return headers.flatMap(({ key, text, line }) => {
    if (key === 'author') return [fact('author', { name: text }, at(line))];
    if (key !== 'author-email') return [];
    const [, name, email] = /^"?([^"<]{0,200}?)"?\s*<([^<>\s]{3,200})>/.exec(text) ?? [
      undefined,
      '',
      text.split(',')[0] ?? text,
    ];
    const known = name === '' && headers.find((header) => header.key === 'author')?.text;
    return typeof known === 'string'
      ? []
      : [
          fact(
            'author',
            { ...(name === undefined || name === '' ? {} : { name }), ...(email === undefined ? {} : { email }) },
            at(line),
          ),
        ];
  });
}

function purlFacts(headers: readonly Header[], at: At): readonly Fact[] {
  const [name, version] = ['name', 'version'].map((key) => headers.find((header) => header.key === key));
  const purl = name === undefined || version === undefined ? undefined : pypiPurl(name.text, version.text);
  return maybe('purl', purl, at(name?.line ?? 1));
}

const URL_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(?:source|code|repository|github|source code)/i, 'vcs'],
  [/^(?:issues|bug|tracker)/i, 'issue-tracker'],
  [/^(?:doc)/i, 'documentation'],
  [/^(?:changelog|release|history)/i, 'release-notes'],
];

function urlFact(key: string, text: string, source: FactSource): readonly Fact[] {
  if (key === 'home-page') return [fact('reference', { type: 'website', url: text }, source)];
  const [label, url] = text.split(/,\s*/, 2);
  const type = URL_TYPES.find(([pattern]) => pattern.test(label ?? ''))?.[1] ?? 'website';
  return url === undefined ? [] : [fact('reference', { type, url }, source)];
}

const REQUIREMENT_CHARS = 2000;
const REQUIREMENT =
  /^([A-Za-z0-9][A-Za-z0-9._-]{0,200})(?:\[[^\]]{0,300}\])?\s*(?:@\s*(\S{1,500})|\(?([^;)]{0,300})\)?)\s*(?:;\s*(.{1,500}))?$/;

/** PEP 508: an exact version is a version, anything else a requirement. */
function requirementFact(line: string, source: FactSource): readonly Fact[] {
  const [, name, url, range, marker] =
    line.length > REQUIREMENT_CHARS ? [] : (REQUIREMENT.exec(line.replace(/\s+/g, ' ')) ?? []);
  if (name === undefined) return [];
  const exact = /^===?\s*([A-Za-z0-9.!+_-]{1,100})$/.exec((range ?? '').trim())?.[1];
  const rest = [
    (range ?? '').trim(),
    url === undefined ? '' : `@ ${url}`,
    marker === undefined ? '' : `; ${marker.trim()}`,
  ]
    .filter((part) => part !== '')
    .join(' ');
  const optional = marker !== undefined && /\bextra\s*==/.test(marker);
  const software: Software = {
    name,
    ecosystem: 'pypi',
    ...(exact === undefined ? {} : { version: exact }),
    ...(exact !== undefined && marker === undefined ? {} : rest === '' ? {} : { requirement: rest }),
    ...(optional ? { optional } : {}),
  };
  return [fact('software', software, source)];
}

/** `requirements*.txt` and pip-compile's locks: one requirement a logical line, with `--hash=sha256:` where given. */
export function readRequirements(file: MetadataFile): readonly Fact[] {
  const logical = textOf(file)
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .slice(0, 20_000);
  return logical.flatMap((line, index) => {
    const text = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (text === '' || text.startsWith('-')) return [];
    const digests = [...text.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map((match) => ({
      alg: 'SHA-256' as const,
      content: match[1] ?? '',
    }));
    const plain = text.replace(/\s--(?:hash|config-settings|global-option)[= ]\S+/g, '').trim();
    const [made] = requirementFact(plain, { file: file.path, pointer: `line ${index + 1}` });
    if (made === undefined || made.field !== 'software') return [];
    return [digests.length === 1 ? fact('software', { ...made.value, digests }, made.source) : made];
  });
}

/** `name = "x"` and `version = "y"` of every `[[package]]` in `uv.lock`, `poetry.lock`, `pdm.lock`. */
export function readPythonLock(file: MetadataFile): readonly Fact[] {
  const lines = textOf(file).split(/\r?\n/).slice(0, 500_000);
  const facts: Fact[] = [];
  let open: { name?: string; line: number } | null = null;
  lines.forEach((line, index) => {
    if (line.startsWith('[')) open = line.trim() === '[[package]]' ? { line: index + 1 } : null;
    const [, key, value] = /^(name|version) = "([^"\\]{1,200})"\s*$/.exec(line) ?? [];
    if (open === null || value === undefined) return;
    if (key === 'name') open.name = value;
    else if (open.name !== undefined)
      facts.push(
        fact(
          'software',
          { name: open.name, version: value, ecosystem: 'pypi' },
          { file: file.path, pointer: `line ${open.line}` },
        ),
      );
  });
  return facts;
}

/** `*.dist-info/RECORD`: the publisher's SHA-256 (base64url) of every file, from the folder above. */
export function readRecord(file: MetadataFile): readonly Fact[] {
  const above = file.path.split('/').slice(0, -2);
  return textOf(file)
    .split(/\r?\n/)
    .slice(0, 200_000)
    .flatMap((line, index) => {
      const [, quoted, bare, digest, size] =
        /^(?:"([^"]{1,4096})"|([^,"]{1,4096})),sha256=([\w-]{43}),(\d*)$/.exec(line) ?? [];
      const name = quoted ?? bare;
      if (name === undefined || digest === undefined) return [];
      const path = [...above, name].join('/');
      const hex = Buffer.from(digest, 'base64url').toString('hex');
      return [
        fact(
          'digest',
          { path, algorithm: 'sha256', hex, ...(size === undefined || size === '' ? {} : { sizeBytes: Number(size) }) },
          { file: file.path, pointer: `line ${index + 1}` },
        ),
      ];
    });
}
