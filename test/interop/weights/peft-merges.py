# LoRAs merged by PEFT itself, in the types and forms it has; prints `child<TAB>parent<TAB>adapter` a line, tampered children last.
# Pinned: torch 2.15.0, transformers 5.24.0, peft 0.21.2, safetensors 0.8.0. Usage: peft-merges.py OUT
import os, sys, warnings, logging; warnings.filterwarnings("ignore"); logging.disable(50)
import numpy as np, torch, transformers as T
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
T.logging.disable_progress_bar()
out = sys.argv[1]
big = dict(hidden_size=192, intermediate_size=320, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=160)
def llama(tied=False): return T.LlamaForCausalLM(T.LlamaConfig(**big, tie_word_embeddings=tied))
def gpt2(): return T.GPT2LMHeadModel(T.GPT2Config(n_embd=96, n_layer=2, n_head=4, vocab_size=160, n_positions=32))
def case(name, make, dtype, merge_in=None, safe=False, autocast=True, **config):
    torch.manual_seed(1); base = make().to(dtype); base.save_pretrained(f"{out}/{name}-base")
    base = base.to(merge_in or dtype)
    p = get_peft_model(base, LoraConfig(**{**dict(r=8, lora_alpha=12, target_modules="all-linear"), **config}), autocast_adapter_dtype=autocast)
    torch.manual_seed(3)
    with torch.no_grad():
        for n, w in p.named_parameters():
            if "lora_B" in n or "embedding_A" in n: w.normal_(0, .03)
            if "modules_to_save.default" in n or "magnitude" in n: w.add_(torch.rand_like(w) * .01)
    p.save_pretrained(f"{out}/{name}-adapter", save_embedding_layers=False)
    p.merge_and_unload(safe_merge=safe).save_pretrained(f"{out}/{name}")
    print(f"{out}/{name}\t{out}/{name}-base\t{out}/{name}-adapter")
b, h, f = torch.bfloat16, torch.float16, torch.float32
for n, d in (("bf16", b), ("f16", h), ("f32", f)):
    for safe in (False, True):
        case(f"{n}-{'safe' if safe else 'plain'}", llama, d, safe=safe)
        if d != f: case(f"{n}-narrow-{'safe' if safe else 'plain'}", llama, d, safe=safe, autocast=False)
    case(f"{n}-rslora", llama, d, use_rslora=True)
    case(f"{n}-patterns", llama, d, rank_pattern={"q_proj": 4, "layers.1.mlp.down_proj": 16}, alpha_pattern={"up_proj": 40, "layers.0.self_attn.v_proj": 3})
    case(f"{n}-embeddings", llama, d, target_modules=["embed_tokens", "q_proj", "lm_head"])
    case(f"{n}-saved", llama, d, target_modules=["q_proj", "v_proj"], modules_to_save=["lm_head", "embed_tokens"])
    case(f"{n}-gpt2", gpt2, d, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)
case("bf16-in-f32", llama, b, merge_in=f); case("bf16-in-f16", llama, b, merge_in=h); case("f32-in-bf16", llama, f, merge_in=b)
case("rank-64", llama, b, r=64, lora_alpha=16); case("rank-1", llama, f, r=1)
case("f32-dora", llama, f, use_dora=True); case("f32-dora-gpt2", gpt2, f, use_dora=True, target_modules=["c_attn"], fan_in_fan_out=True)

rng = np.random.default_rng(4); KEY = "model.layers.1.mlp.up_proj.weight"
def tampered(name, kind, change):
    for i in range(4):
        t = load_file(f"{out}/{name}/model.safetensors"); w = t[KEY].float(); own = w.clone()
        x = change(w.clone()).to(t[KEY].dtype)
        assert not torch.equal(x, t[KEY]); t[KEY] = x
        o = f"{out}/tampered-{name}-{kind}-{i}"; os.makedirs(o); save_file(t, f"{o}/model.safetensors", metadata={"format": "pt"})
        print(f"{o}\t{out}/{name}-base\t{out}/{name}-adapter")
def at(w): return rng.integers(w.shape[0]), rng.integers(w.shape[1] - 16)
def one(w): i, j = at(w); w[i, j] = w[i, j] * 1.05 + 1e-3; return w
def spot(w): i, j = at(w); w[i, j:j + 16] += .004; return w
def row(w): w[at(w)[0]] += torch.from_numpy(rng.standard_normal(w.shape[1]) * .002).float(); return w
def negated(w): i, j = at(w); w[i, j:j + 16] *= -1; return w
def rank1(w): return w + torch.from_numpy(np.outer(rng.standard_normal(w.shape[0]), rng.standard_normal(w.shape[1])) * .001).float()
def rows(w): return w[torch.from_numpy(rng.permutation(w.shape[0]))]
def other(w): return w + torch.from_numpy(rng.standard_normal(w.shape) * 5e-4).float()
def scaled(w): return w * 1.01
def onestep(w): i, j = at(w); w[i, j] = w[i, j] * (1 + 2 ** -6); return w
for n in ("bf16-plain", "f16-narrow-plain", "f32-plain", "f32-dora"):
    for k, c in dict(one_value=one, spot16=spot, row=row, negated=negated, rank1=rank1, rows_permuted=rows, other_base=other, scaled=scaled, one_step=onestep).items(): tampered(n, k, c)
# Without the adapter, with another one's scale.
for n in ("bf16-plain", "f32-plain"):
    for k, i in (("unmerged", n + "-base"), ("other-scale", n.replace("plain", "rslora"))):
        t, u = load_file(f"{out}/{n}/model.safetensors"), load_file(f"{out}/{i}/model.safetensors"); t[KEY] = u[KEY]
        o = f"{out}/tampered-{n}-{k}-0"; os.makedirs(o); save_file(t, f"{o}/model.safetensors", metadata={"format": "pt"}); print(f"{o}\t{out}/{n}-base\t{out}/{n}-adapter")
