import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import { bomBytes } from '../../../src/domain/bom/create.ts';
import { SPEC_VERSIONS, type ModelCard } from '../../../src/domain/bom/types.ts';
import { checkBom } from '../../../src/domain/bom/validate/checks.ts';
import { parseStrictJson } from '../../../src/domain/base/json.ts';
import { parseFacts, statedTexts } from '../../../src/domain/metadata/stated.ts';
import { tar, zip } from '../scan/build.ts';
import { bomOf, safetensors, subjectOf } from './support.ts';

const WEIGHTS = safetensors({ w: { dtype: 'F32', shape: [2] } });
const card = (matter: string, body = ''): Readonly<Record<string, string | Uint8Array>> => ({
  'README.md': `---\nlicense: mit\n${matter}\n---\n${body}`,
  'model.safetensors': WEIGHTS,
});
const modelCard = async (matter: string, body = ''): Promise<ModelCard | undefined> =>
  subjectOf(await bomOf(card(matter, body))).modelCard;

test('the approach is what the task or the tags name, word for word', async () => {
  const approach = async (matter: string) => (await modelCard(matter))?.modelParameters?.approach?.type;
  assert.equal(await approach('pipeline_tag: reinforcement-learning'), 'reinforcement-learning');
  assert.equal(await approach('tags: [trl, sft]'), 'supervised');
  assert.equal(await approach('tags: [self_supervised]'), 'self-supervised');
  assert.equal(await approach('tags: [Unsupervised-Learning, clustering]'), 'unsupervised');
});

test('no approach is made up: not from a task, not where tags name several', async () => {
  for (const matter of [
    'pipeline_tag: text-classification',
    'tags: [supervisor, rl]',
    'tags: [sft, grpo]',
    'base_model: a/b\nbase_model_relation: finetune',
  ]) {
    assert.equal((await modelCard(matter))?.modelParameters?.approach, undefined, matter);
  }
});

test('an approach that somebody states is cited as stated, one that does not exist refused', () => {
  const [stated] = statedTexts(parseFacts('statedBy: anna\napproach: semi-supervised\n', 'facts.yaml', 'nobody'));
  assert.deepEqual(stated, { field: 'approach', value: 'semi-supervised', source: { statedBy: 'anna' } });
  assert.throws(() => parseFacts('approach: magic\n', 'facts.yaml', 'nobody'), { code: 'config-invalid' });
});

const BODY = `# Tiny
![logo](logo.png)
## Intended users
Radiologists who read chest images every day.
## Trade-offs
Accuracy was traded for latency on small devices.
## Evaluation
![ROC curve](figures/roc.png) and ![](https://x.example/loss.svg)
\`\`\`
![not shown](code.png)
\`\`\`
## Usage
![screenshot](usage.png)
`;

test('graphics are the pictures below a heading about results, by name and place; others are decoration', async () => {
  const graphics = (await modelCard('tags: [x]', BODY))?.quantitativeAnalysis?.graphics;
  assert.deepEqual(graphics?.collection, [
    { name: 'ROC curve: figures/roc.png' },
    { name: 'https://x.example/loss.svg' },
  ]);
});

test("users and trade-offs are said in the author's own words", async () => {
  const considerations = (await modelCard('tags: [x]', BODY))?.considerations;
  assert.deepEqual(considerations?.users, ['Radiologists who read chest images every day.']);
  assert.deepEqual(considerations?.performanceTradeoffs, ['Accuracy was traded for latency on small devices.']);
});

test('all of it is valid in every version, and cited', async () => {
  for (const specVersion of SPEC_VERSIONS) {
    const bom = await bomOf(card('tags: [sft]', BODY), { specVersion });
    const text = Buffer.from(bomBytes(bom)).toString('utf8');
    assert.deepEqual(await createBomValidator().validate(text, specVersion), []);
    assert.deepEqual(checkBom(parseStrictJson(text)), []);
  }
  const pointers =
    (await bomOf(card('tags: [sft]', BODY))).citations?.flatMap((citation) =>
      'pointers' in citation ? citation.pointers : [],
    ) ?? [];
  for (const place of [
    'modelParameters/approach',
    'quantitativeAnalysis/graphics/collection/0',
    'considerations/users/0',
    'considerations/performanceTradeoffs/0',
  ]) {
    assert.ok(pointers.includes(`/metadata/component/modelCard/${place}`), place);
  }
});

/** A zip in a zip in a zip… */
function nested(depth: number): Buffer {
  let bytes: Buffer = zip([{ name: 'a.txt', data: 'x' }]);
  for (let level = 1; level < depth; level++) bytes = zip([{ name: `level${level}.zip`, data: bytes, deflate: true }]);
  return bytes;
}

test('archives inside archives are said not to be listed', async () => {
  const said = async (name: string, bytes: Buffer): Promise<readonly string[]> => {
    const file = subjectOf(await bomOf({ [name]: bytes })).components?.find((component) => component.name === name);
    return (file?.properties ?? [])
      .filter(({ name: key }) => /:(problem|examined)$/.test(key))
      .map(({ value }) => value)
      .filter((value) => !value.startsWith('several-directories'));
  };
  assert.deepEqual(await said('deep.zip', nested(12)), [
    'limit: "level11.zip" is an archive itself: what is in it is not listed',
    'partly',
  ]);
  assert.deepEqual(
    await said(
      'two.tar',
      tar([
        { name: 'a.zip', data: nested(1) },
        { name: 'b.tar.gz', data: 'x' },
        { name: 'c.txt', data: 'x' },
      ]),
    ),
    ['limit: "a.zip" and 1 more are archives themselves: what is in them is not listed', 'partly'],
  );
  assert.deepEqual(await said('flat.zip', nested(1)), []);
});
