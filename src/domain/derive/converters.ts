/** How a converter changes a tensor's elements beside its type. */
export type Change =
  | 'permute-query-heads'
  | 'permute-key-heads'
  | 'add-one'
  | 'transpose'
  | 'negative-exponential'
  | 'drop-middle-axis'
  | 'as-column'
  | 'in-groups'
  | 'split-qkv-groups'
  | 'first-rows'
  | 'without-padding-rows';

/** One tensor of the parent's names, and what the converter calls it. `{n}` is a layer, `{e}` an expert. */
export interface Rule {
  readonly from: string;
  readonly to: string;
  readonly change?: Change;
  /** Experts on a new first axis, by their number. */
  readonly stacked?: true;
}

export interface Converter {
  /** `architectures` of config.json. */
  readonly architectures: readonly string[];
  /** `general.architecture` of the GGUF. */
  readonly gguf: string;
  /** Where the facts were read, and at which version; each was met bit for bit by that converter's own output. */
  readonly source: string;
  readonly rules: readonly Rule[];
  /** Tensors of the parent that are left out. */
  readonly dropped?: readonly RegExp[];
  /** Tensors of the child that are computed from config.json alone. */
  readonly added?: readonly RegExp[];
}

const AT = 'llama.cpp 0c1e57098, conversion/';

function rules(pairs: Readonly<Record<string, string>>): Rule[] {
  return Object.entries(pairs).map(([from, to]) => ({ from, to }));
}

/** Decoder blocks as Llama's: the names that most of its descendants kept. */
const BLOCK = rules({
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'model.layers.{n}.input_layernorm': 'blk.{n}.attn_norm',
  'model.layers.{n}.self_attn.q_proj': 'blk.{n}.attn_q',
  'model.layers.{n}.self_attn.k_proj': 'blk.{n}.attn_k',
  'model.layers.{n}.self_attn.v_proj': 'blk.{n}.attn_v',
  'model.layers.{n}.self_attn.o_proj': 'blk.{n}.attn_output',
  'model.layers.{n}.self_attn.q_norm': 'blk.{n}.attn_q_norm',
  'model.layers.{n}.self_attn.k_norm': 'blk.{n}.attn_k_norm',
  'model.layers.{n}.post_attention_layernorm': 'blk.{n}.ffn_norm',
  'model.layers.{n}.mlp.gate_proj': 'blk.{n}.ffn_gate',
  'model.layers.{n}.mlp.up_proj': 'blk.{n}.ffn_up',
  'model.layers.{n}.mlp.down_proj': 'blk.{n}.ffn_down',
});

/** The rules with some of them replaced, by their `from`. */
function changed(base: readonly Rule[], changes: readonly Rule[]): readonly Rule[] {
  const own = new Set(changes.map(({ from }) => from));
  return [...base.filter(({ from }) => !own.has(from)), ...changes];
}

const LLAMA = changed(BLOCK, [
  { from: 'model.layers.{n}.self_attn.q_proj', to: 'blk.{n}.attn_q', change: 'permute-query-heads' },
  { from: 'model.layers.{n}.self_attn.k_proj', to: 'blk.{n}.attn_k', change: 'permute-key-heads' },
  { from: 'model.layers.{n}.block_sparse_moe.gate', to: 'blk.{n}.ffn_gate_inp' },
  { from: 'model.layers.{n}.block_sparse_moe.experts.{e}.w1', to: 'blk.{n}.ffn_gate_exps', stacked: true },
  { from: 'model.layers.{n}.block_sparse_moe.experts.{e}.w2', to: 'blk.{n}.ffn_down_exps', stacked: true },
  { from: 'model.layers.{n}.block_sparse_moe.experts.{e}.w3', to: 'blk.{n}.ffn_up_exps', stacked: true },
]);

const QWEN_MOE = changed(BLOCK, [
  { from: 'model.layers.{n}.mlp.gate', to: 'blk.{n}.ffn_gate_inp' },
  { from: 'model.layers.{n}.mlp.shared_expert_gate', to: 'blk.{n}.ffn_gate_inp_shexp' },
  { from: 'model.layers.{n}.mlp.shared_expert.gate_proj', to: 'blk.{n}.ffn_gate_shexp' },
  { from: 'model.layers.{n}.mlp.shared_expert.up_proj', to: 'blk.{n}.ffn_up_shexp' },
  { from: 'model.layers.{n}.mlp.shared_expert.down_proj', to: 'blk.{n}.ffn_down_shexp' },
  { from: 'model.layers.{n}.mlp.experts.{e}.gate_proj', to: 'blk.{n}.ffn_gate_exps', stacked: true },
  { from: 'model.layers.{n}.mlp.experts.{e}.up_proj', to: 'blk.{n}.ffn_up_exps', stacked: true },
  { from: 'model.layers.{n}.mlp.experts.{e}.down_proj', to: 'blk.{n}.ffn_down_exps', stacked: true },
]);

/** Norms are stored one less than they are. */
function plusOne(base: readonly Rule[]): readonly Rule[] {
  return base.map((rule) => (rule.from.endsWith('norm') ? { ...rule, change: 'add-one' as const } : rule));
}

const GEMMA2 = plusOne(
  changed(BLOCK, [
    { from: 'model.layers.{n}.post_attention_layernorm', to: 'blk.{n}.post_attention_norm' },
    { from: 'model.layers.{n}.pre_feedforward_layernorm', to: 'blk.{n}.ffn_norm' },
    { from: 'model.layers.{n}.post_feedforward_layernorm', to: 'blk.{n}.post_ffw_norm' },
  ]),
);

const BERT = rules({
  'embeddings.LayerNorm': 'token_embd_norm',
  'embeddings.position_embeddings': 'position_embd',
  'embeddings.token_type_embeddings': 'token_types',
  'embeddings.word_embeddings': 'token_embd',
  'encoder.layer.{n}.attention.output.LayerNorm': 'blk.{n}.attn_output_norm',
  'encoder.layer.{n}.attention.output.dense': 'blk.{n}.attn_output',
  'encoder.layer.{n}.attention.self.query': 'blk.{n}.attn_q',
  'encoder.layer.{n}.attention.self.key': 'blk.{n}.attn_k',
  'encoder.layer.{n}.attention.self.value': 'blk.{n}.attn_v',
  'encoder.layer.{n}.intermediate.dense': 'blk.{n}.ffn_up',
  'encoder.layer.{n}.output.dense': 'blk.{n}.ffn_down',
  'encoder.layer.{n}.output.LayerNorm': 'blk.{n}.layer_output_norm',
});

const MAMBA_DROPPED = [/^lm_head\.weight$/];
const MAMBA: readonly Rule[] = [
  ...rules({
    'backbone.embeddings': 'token_embd',
    'backbone.norm_f': 'output_norm',
    lm_head: 'output',
    'backbone.layers.{n}.norm': 'blk.{n}.attn_norm',
    'backbone.layers.{n}.mixer.in_proj': 'blk.{n}.ssm_in',
    'backbone.layers.{n}.mixer.out_proj': 'blk.{n}.ssm_out',
    'backbone.layers.{n}.mixer.x_proj': 'blk.{n}.ssm_x',
    'backbone.layers.{n}.mixer.dt_proj': 'blk.{n}.ssm_dt',
    'backbone.layers.{n}.mixer.D': 'blk.{n}.ssm_d',
  }),
  { from: 'backbone.layers.{n}.mixer.conv1d', to: 'blk.{n}.ssm_conv1d', change: 'drop-middle-axis' },
  { from: 'backbone.layers.{n}.mixer.A_log', to: 'blk.{n}.ssm_a', change: 'negative-exponential' },
];

/** Tensors no converter keeps: masks and frequencies that are computed anyway. */
export const DROPPED = [/\.attention\.(bias|masked_bias)$/, /\.attn\.(bias|masked_bias)$/, /\.rotary_emb\.inv_freq$/];

/** The one table. An architecture that is not here is unknown; nothing is guessed. */
export const CONVERTERS: readonly Converter[] = [
  {
    architectures: ['LlamaForCausalLM', 'MistralForCausalLM', 'MixtralForCausalLM'],
    gguf: 'llama',
    source: `${AT}llama.py`,
    rules: LLAMA,
    added: [/^rope_freqs\.weight$/],
  },
  { architectures: ['Qwen2ForCausalLM'], gguf: 'qwen2', source: `${AT}qwen.py`, rules: BLOCK },
  { architectures: ['Qwen3ForCausalLM'], gguf: 'qwen3', source: `${AT}qwen.py`, rules: BLOCK },
  { architectures: ['Qwen2MoeForCausalLM'], gguf: 'qwen2moe', source: `${AT}qwen.py`, rules: QWEN_MOE },
  { architectures: ['Qwen3MoeForCausalLM'], gguf: 'qwen3moe', source: `${AT}qwen.py`, rules: QWEN_MOE },
  {
    architectures: ['GemmaForCausalLM'],
    gguf: 'gemma',
    source: `${AT}gemma.py`,
    rules: plusOne(BLOCK),
    dropped: [/^lm_head\.weight$/],
  },
  {
    architectures: ['Gemma2ForCausalLM'],
    gguf: 'gemma2',
    source: `${AT}gemma.py`,
    rules: GEMMA2,
    dropped: [/^lm_head\.weight$/],
  },
  {
    architectures: ['Gemma3ForCausalLM'],
    gguf: 'gemma3',
    source: `${AT}gemma.py`,
    rules: changed(GEMMA2, [{ from: 'model.embed_tokens', to: 'token_embd', change: 'first-rows' }]),
  },
  {
    architectures: ['Phi3ForCausalLM'],
    gguf: 'phi3',
    source: `${AT}phi.py`,
    rules: changed(BLOCK, [
      { from: 'model.layers.{n}.self_attn.qkv_proj', to: 'blk.{n}.attn_qkv' },
      { from: 'model.layers.{n}.mlp.gate_up_proj', to: 'blk.{n}.ffn_up' },
    ]),
    added: [/^rope_factors_(long|short)\.weight$/],
  },
  {
    architectures: ['BertForMaskedLM', 'BertModel', 'BertForSequenceClassification'],
    gguf: 'bert',
    source: `${AT}bert.py`,
    rules: BERT.flatMap((rule) => [rule, { ...rule, from: `bert.${rule.from}` }]),
    dropped: [/^(bert\.)?pooler\./, /^cls\.(predictions|seq_relationship)/, /embeddings\.position_ids$/],
  },
  {
    architectures: ['RobertaModel', 'RobertaForMaskedLM'],
    gguf: 'bert',
    source: `${AT}bert.py`,
    rules: changed(BERT, [
      { from: 'embeddings.position_embeddings', to: 'position_embd', change: 'without-padding-rows' },
    ]).flatMap((rule) => [rule, { ...rule, from: `roberta.${rule.from}` }]),
    dropped: [/^(roberta\.)?pooler\./, /^lm_head\./, /embeddings\.position_ids$/],
  },
  {
    architectures: ['GPT2LMHeadModel'],
    gguf: 'gpt2',
    source: `${AT}gpt2.py`,
    rules: [
      ...rules({
        'transformer.wte': 'token_embd',
        'transformer.wpe': 'position_embd',
        'transformer.ln_f': 'output_norm',
        lm_head: 'output',
        'transformer.h.{n}.ln_1': 'blk.{n}.attn_norm',
        'transformer.h.{n}.ln_2': 'blk.{n}.ffn_norm',
      }),
      ...Object.entries({
        'attn.c_attn': 'attn_qkv',
        'attn.c_proj': 'attn_output',
        'mlp.c_fc': 'ffn_up',
        'mlp.c_proj': 'ffn_down',
      }).map(([from, to]): Rule => ({ from: `transformer.h.{n}.${from}`, to: `blk.{n}.${to}`, change: 'transpose' })),
    ].flatMap((rule) => [rule, { ...rule, from: rule.from.replace(/^transformer\./, '') }]),
  },
  {
    architectures: ['FalconForCausalLM'],
    gguf: 'falcon',
    source: `${AT}falcon.py`,
    rules: [
      ...rules({
        'transformer.word_embeddings': 'token_embd',
        'transformer.ln_f': 'output_norm',
        lm_head: 'output',
        'transformer.h.{n}.input_layernorm': 'blk.{n}.attn_norm',
        'transformer.h.{n}.ln_mlp': 'blk.{n}.attn_norm',
        'transformer.h.{n}.ln_attn': 'blk.{n}.attn_norm_2',
        'transformer.h.{n}.mlp.dense_h_to_4h': 'blk.{n}.ffn_up',
        'transformer.h.{n}.mlp.dense_4h_to_h': 'blk.{n}.ffn_down',
        'transformer.h.{n}.self_attention.dense': 'blk.{n}.attn_output',
      }),
      { from: 'transformer.h.{n}.self_attention.query_key_value', to: 'blk.{n}.attn_qkv', change: 'split-qkv-groups' },
    ],
  },
  { architectures: ['MambaForCausalLM'], gguf: 'mamba', source: `${AT}mamba.py`, rules: MAMBA, dropped: MAMBA_DROPPED },
  {
    architectures: ['Mamba2ForCausalLM'],
    gguf: 'mamba2',
    source: `${AT}mamba.py`,
    rules: [
      ...changed(MAMBA, [{ from: 'backbone.layers.{n}.mixer.D', to: 'blk.{n}.ssm_d', change: 'as-column' }]),
      { from: 'backbone.layers.{n}.mixer.norm', to: 'blk.{n}.ssm_norm', change: 'in-groups' },
      { from: 'backbone.layers.{n}.mixer.dt_bias', to: 'blk.{n}.ssm_dt.bias' },
    ],
    dropped: MAMBA_DROPPED,
  },
];

/** The converter of an architecture as config.json names it. */
export function converterOf(architecture: string): Converter | null {
  return CONVERTERS.find(({ architectures }) => architectures.includes(architecture)) ?? null;
}

/** What a name of the parent becomes: the child's name and the rule; the expert's number where there is one. */
export interface Renamed {
  readonly to: string;
  readonly rule: Rule;
  readonly expert?: number;
}

/** Null for a name no rule knows. */
export function renamer(converter: Converter): (name: string) => Renamed | null {
  const compiled = converter.rules.map((rule) => ({
    rule,
    pattern: new RegExp(
      `^${rule.from.replaceAll('.', '\\.').replace('{n}', '(?<n>\\d{1,4})').replace('{e}', '(?<e>\\d{1,4})')}(?<suffix>\\.(?:weight|bias|gamma|beta))?$`,
    ),
  }));
  return (name) => {
    for (const { rule, pattern } of compiled) {
      const groups = pattern.exec(name)?.groups;
      if (groups === undefined) continue;
      const suffix = (groups['suffix'] ?? '').replace('.gamma', '.weight').replace('.beta', '.bias');
      const to = rule.to.replace('{n}', groups['n'] ?? '') + suffix;
      return { to, rule, ...(groups['e'] === undefined ? {} : { expert: Number(groups['e']) }) };
    }
    return null;
  };
}
