import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pick } from '../../../src/domain/metadata/types.ts';
import { examineArtifact } from '../../../src/flows/bom/create.ts';
import { BARE, PROGRAM } from '../../program.ts';
import { weights } from '../load/stores-world.ts';

type Corpus = Readonly<
  Record<string, { readonly files: Readonly<Record<string, object | string>>; readonly fetches: readonly string[] }>
>;

const ST = [{ idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' }];
const MODEL = { model_type: 'bert', architectures: ['BertModel'] };
/** What a module of remote code looks like that fetches nothing but what its caller names. */
const HONEST = `
from transformers import PreTrainedModel, AutoModel
class Enc(PreTrainedModel):
    """Load with Enc.from_pretrained("acme/enc")."""
    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, **kwargs):
        return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
    def __init__(self, config, base=None):
        self.base = AutoModel.from_config(config.text_config)
        print("from_pretrained('never/this')")
if __name__ == "__main__":
    Enc.from_pretrained("acme/demo")
`;

/** Thirty models: what each makes a loader fetch, as the libraries' own code has it. */
const CORPUS: Corpus = {
  'auto_map of another repository': {
    files: {
      'config.json': {
        ...MODEL,
        auto_map: { AutoModel: 'acme/code--modeling_enc.Enc', AutoConfig: 'configuration_enc.Config' },
      },
      'configuration_enc.py': HONEST,
    },
    fetches: ['code acme/code'],
  },
  'tokenizer code of another repository': {
    files: {
      'config.json': MODEL,
      'tokenizer_config.json': { auto_map: { AutoTokenizer: ['acme/tok--tok.Slow', null] } },
    },
    fetches: ['code acme/tok'],
  },
  'processor code of another repository': {
    files: { 'processor_config.json': { auto_map: { AutoProcessor: 'acme/proc--p.P' } } },
    fetches: ['code acme/proc'],
  },
  'image processor code': {
    files: { 'preprocessor_config.json': { auto_map: { AutoImageProcessor: 'acme/img--p.P' } } },
    fetches: ['code acme/img'],
  },
  'custom pipeline': {
    files: {
      'config.json': { ...MODEL, custom_pipelines: { rank: { impl: 'acme/pipe--rank.Rank', pt: ['AutoModel'] } } },
    },
    fetches: ['code acme/pipe'],
  },
  adapter: {
    files: {
      'adapter_config.json': { peft_type: 'LORA', base_model_name_or_path: 'Qwen/Qwen2.5-0.5B' },
      'adapter_model.safetensors': '',
    },
    fetches: ['model Qwen/Qwen2.5-0.5B'],
  },
  'adapter of an old name': {
    files: { 'adapter_config.json': { base_model_name_or_path: 'gpt2' } },
    fetches: ['model gpt2'],
  },
  'adapter with a commit': {
    files: { 'adapter_config.json': { base_model_name_or_path: 'acme/base', revision: 'a'.repeat(40) } },
    fetches: [`model acme/base@${'a'.repeat(40)}`],
  },
  'audio tokenizer': {
    files: {
      'processor_config.json': {
        audio_tokenizer: { audio_tokenizer_class: 'DacModel', audio_tokenizer_name_or_path: 'descript/dac_44khz' },
      },
    },
    fetches: ['tokenizer descript/dac_44khz'],
  },
  'sentence tokenizer': {
    files: {
      'modules.json': ST,
      'sentence_bert_config.json': { max_seq_length: 128, tokenizer_name_or_path: 'bert-base-uncased' },
    },
    fetches: ['tokenizer bert-base-uncased'],
  },
  'sentence module of another repository': {
    files: { 'modules.json': [...ST, { idx: 1, name: '1', path: '1_x', type: 'acme/st--mod.Mod' }] },
    fetches: ['code acme/st'],
  },
  backbone: {
    files: {
      'config.json': {
        model_type: 'detr',
        backbone: 'resnet50',
        use_pretrained_backbone: true,
        use_timm_backbone: true,
      },
    },
    fetches: ['model resnet50'],
  },
  kernel: {
    files: { 'config.json': { ...MODEL, attn_implementation: 'kernels-community/flash-attn3@v1:forward' } },
    fetches: ['kernel kernels-community/flash-attn3@v1'],
  },
  'kernel of sentence-transformers': {
    files: { 'sentence_bert_config.json': { model_args: { attn_implementation: 'kernels-community/flash-attn' } } },
    fetches: ['kernel kernels-community/flash-attn'],
  },
  'vision tower': {
    files: { 'config.json': { model_type: 'llava', mm_vision_tower: 'openai/clip-vit-large-patch14-336' } },
    fetches: ['model openai/clip-vit-large-patch14-336'],
  },
  'code that loads a part': {
    files: {
      'config.json': MODEL,
      'modeling.py':
        'from transformers import AutoModel\nclass M:\n  def __init__(self):\n    self.t = AutoModel.from_pretrained("acme/text", revision="main")\n',
    },
    fetches: ['model acme/text@main'],
  },
  'code with a constant': {
    files: {
      'modeling.py': 'import transformers as t\nBASE = "acme/" + "tok"\nt.AutoTokenizer.from_pretrained(BASE)\n',
    },
    fetches: ['tokenizer acme/tok'],
  },
  'code that downloads': {
    files: {
      'handler.py':
        'from huggingface_hub import hf_hub_download as get\ndef load(repo="acme/head"):\n  return get(repo_id=repo, filename="head.pt")\n',
    },
    fetches: ['file acme/head'],
  },
  'code of torch hub': {
    files: {
      'model.py':
        'import torch\ntorch.hub.load("pytorch/vision:v0.10.0", "resnet18")\nnet = torch.hub.load("facebookresearch/dino", "vits16")\ntorch.hub.load_state_dict_from_url("https://example.com/w.pth")\n',
    },
    fetches: ['code facebookresearch/dino', 'code pytorch/vision@v0.10.0', 'file https://example.com/w.pth'],
  },
  'code with a generation loop': {
    files: {
      'run.py':
        'def go(model, x):\n  return model.generate(x, custom_generate="acme/contrastive", trust_remote_code=True)\n',
    },
    fetches: ['code acme/contrastive'],
  },
  plain: { files: { 'config.json': { ...MODEL, _name_or_path: 'acme/origin' }, 'model.safetensors': '' }, fetches: [] },
  'own code': {
    files: { 'config.json': { ...MODEL, auto_map: { AutoModel: 'modeling.Enc' } }, 'modeling.py': HONEST },
    fetches: [],
  },
  'adapter beside its model': {
    files: {
      'config.json': MODEL,
      'model.safetensors': '',
      'adapter_config.json': { base_model_name_or_path: 'acme/base' },
    },
    fetches: [],
  },
  'adapter of a model inside': {
    files: {
      'adapter_config.json': { base_model_name_or_path: './base' },
      'base/config.json': MODEL,
      'base/model.safetensors': '',
    },
    fetches: [],
  },
  diffusers: {
    files: {
      'model_index.json': {
        _class_name: 'StableDiffusionPipeline',
        _name_or_path: 'acme/sd',
        unet: ['diffusers', 'UNet2DConditionModel'],
      },
      'unet/config.json': { _class_name: 'UNet2DConditionModel', _name_or_path: 'acme/sd/unet' },
    },
    fetches: [],
  },
  timm: {
    files: { 'config.json': { architecture: 'vit_tiny', pretrained_cfg: { hf_hub_id: 'timm/vit_tiny', tag: 'a1' } } },
    fetches: [],
  },
  'a backbone that is not fetched': {
    files: { 'config.json': { model_type: 'detr', backbone: 'resnet50', use_pretrained_backbone: false } },
    fetches: [],
  },
  'attention of the library': {
    files: {
      'config.json': {
        ...MODEL,
        attn_implementation: 'flash_attention_2',
        use_kernels: true,
        quantization_config: { quant_method: 'mxfp4' },
      },
      'tokenizer_config.json': { name_or_path: 'acme/tok', tokenizer_class: 'BertTokenizer' },
    },
    fetches: [],
  },
  'sentence model': {
    files: {
      'modules.json': ST,
      'config_sentence_transformers.json': { prompts: { query: 'acme/not' } },
      'sentence_bert_config.json': { max_seq_length: 256, do_lower_case: false },
    },
    fetches: [],
  },
  'code that loads what lies beside it': {
    files: {
      'pipeline.py':
        'import timm, torchvision\nfrom transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained("tokenizer")\nnet = timm.create_model("resnet18", pretrained=False)\nold = torchvision.models.resnet18(weights=None)\nhub = AutoTokenizer.from_pretrained("acme/x", local_files_only=True)\n',
      'tokenizer/tokenizer.json': {},
    },
    fetches: [],
  },
};

async function fetchesOf(files: Corpus[string]['files']): Promise<readonly string[]> {
  const artifact = Object.entries(files).map(([path, content]) => {
    const bytes = path.endsWith('.safetensors')
      ? weights(1)
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const source = {
      size: bytes.length,
      read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
      close: async () => {},
    };
    return { path, sizeBytes: bytes.length, digests: {}, open: async () => source };
  });
  const { facts } = await examineArtifact(artifact, {});
  return pick(facts, 'fetch')
    .map(({ value: { kind, target, revision } }) => `${kind} ${target}${revision === undefined ? '' : `@${revision}`}`)
    .toSorted();
}

test('thirty models, ten of them with nothing to fetch: none missed, none invented', async () => {
  const all = Object.entries(CORPUS);
  assert.equal(all.length, 30);
  assert.equal(all.filter(([, { fetches }]) => fetches.length === 0).length, 10);
  const found = await Promise.all(all.map(async ([name, { files }]) => [name, await fetchesOf(files)]));
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(all.map(([name, { fetches }]) => [name, fetches])));
});

/** Spellings of code that fetches, by what it fetches; each after `from transformers import AutoModel`. */
const SPELLINGS: readonly (readonly [string, readonly string[]])[] = [
  ['ORG = "acme"\nAutoModel.from_pretrained(f"{ORG}/enc")', ['model acme/enc']],
  ['ORG = "acme"\nAutoModel.from_pretrained(ORG + "/enc")', ['model acme/enc']],
  ['AutoModel.from_pretrained(f"{org}/enc")', []],
  ['AutoModel.from_pretrained(f"{{ORG}}/enc")', []],
  ['AutoModel.from_pretrained(os.environ.get("M", "acme/enc"))', ['model acme/enc']],
  ['AutoModel.from_pretrained(getattr(config, "base", "acme/enc"))', ['model acme/enc']],
  ['AutoModel.from_pretrained(name or "acme/enc")', ['model acme/enc']],
  ['AutoModel.from_pretrained("acme/a" if big else "acme/b")', ['model acme/a', 'model acme/b']],
  ['AutoModel.from_pretrained((n := "acme/enc"))', ['model acme/enc']],
  ['from peft import PeftModel\nPeftModel.from_pretrained(base, "acme/lora")', ['model acme/lora']],
  ['pipe.load_lora_weights("acme/lora", weight_name="x")', ['model acme/lora']],
  ['model.load_adapter("default")', []],
  ['from vllm import LLM\nLLM(model="acme/x")', ['model acme/x']],
  ['import keras_hub\nkeras_hub.models.Backbone.from_preset("hf://acme/x")', ['model hf://acme/x']],
  ['import keras_hub\nkeras_hub.models.Backbone.from_preset("./preset")', []],
  ['import tensorflow_hub as hub\nhub.KerasLayer("https://tfhub.dev/x/1")', ['model https://tfhub.dev/x/1']],
  ['import keras\nkeras.applications.ResNet50(weights="imagenet")', ['model keras.applications.ResNet50']],
  ['import keras\nkeras.applications.ResNet50(weights=None)', []],
  ['import pandas as pd\npd.read_parquet("hf://datasets/acme/x/a.parquet")', ['file hf://datasets/acme/x/a.parquet']],
  ['import pandas as pd\npd.read_csv("labels.csv")', []],
  ['import subprocess\nsubprocess.run(["llama-cli", "--hf-repo", "acme/x"])', ['file acme/x']],
  ['import os\nos.system("huggingface-cli download acme/x")', ['file acme/x']],
  ['import subprocess\nsubprocess.run(["llama-cli", "-m", "acme/x"])', []],
  ['model.generate(x, assistant_model="acme/draft")', ['model acme/draft']],
  ['from datasets import load_dataset\nload_dataset("json", data_files="local.json")', []],
  [
    'from datasets import load_dataset\nload_dataset("csv", data_files="https://x.org/a.csv")',
    ['file https://x.org/a.csv'],
  ],
];

test('more spellings of code: none missed, none invented', async () => {
  for (const [code, fetches] of SPELLINGS)
    assert.deepEqual(
      await fetchesOf({ 'modeling.py': `from transformers import AutoModel\n${code}\n` }),
      fetches,
      code,
    );
});

test('seal writes it into the BOM as required and unpinned, verify and inspect say it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-closure-'));
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words], { cwd: folder, env: { ...BARE, HOME: folder }, encoding: 'utf8' });
  mkdirSync(join(folder, 'enc'));
  writeFileSync(join(folder, 'enc', 'model.safetensors'), weights(1));
  const config = { ...MODEL, auto_map: { AutoModel: 'acme/code--m.Enc' }, text_name_or_path: 'acme/text' };
  writeFileSync(join(folder, 'enc', 'config.json'), JSON.stringify(config));
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  const sealed = run('seal', 'enc', '--key', 'k.key');
  assert.equal(sealed.status, 0, sealed.stderr);
  const bom = JSON.parse(readFileSync(join(folder, 'enc/.weighmark/bom.cdx.json'), 'utf8')) as {
    components: {
      name: string;
      type: string;
      scope: string;
      version?: string;
      properties: { name: string; value: string }[];
    }[];
  };
  const [code, text] = bom.components.filter(({ properties }) =>
    properties?.some(({ name }) => name === 'weighmark:closure'),
  );
  assert.deepEqual([code?.name, code?.type, code?.scope, code?.version], ['code', 'library', 'required', undefined]);
  assert.deepEqual([text?.name, text?.type, text?.scope], ['text', 'machine-learning-model', 'required']);
  assert.ok(code?.properties.some(({ name, value }) => name === 'weighmark:needs' && value === 'trust_remote_code'));
  assert.equal(run('bom', 'validate', 'enc/.weighmark/bom.cdx.json').status, 0);
  assert.match(run('verify', 'enc', '--key', 'k.pub').stdout, /loading it fetches acme\/code, acme\/text, not covered/);
  assert.match(run('inspect', 'enc').stdout, /fetched when loaded: acme\/code, acme\/text/);
});
