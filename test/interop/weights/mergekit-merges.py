# Merges by mergekit itself of three bf16 Llamas; prints `child<TAB>base<TAB>a<TAB>b` a line, tampered children last.
# Pinned: torch 2.15.0, transformers 5.24.0, mergekit 0.1.5, safetensors 0.8.0. Usage: mergekit-merges.py OUT
import os, sys, shutil, yaml, logging, warnings
os.environ.update(HF_HUB_OFFLINE='1', TRANSFORMERS_OFFLINE='1'); logging.disable(50); warnings.filterwarnings("ignore")
import numpy as np, torch, transformers as T
from safetensors.torch import load_file, save_file
T.logging.disable_progress_bar()
out = sys.argv[1]; os.makedirs(out, exist_ok=True); M = lambda n: f"{out}/{n}"
for i, n in enumerate(("base", "a", "b")):
    torch.manual_seed(11); m = T.LlamaForCausalLM(T.LlamaConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, vocab_size=128, tie_word_embeddings=False)).bfloat16()
    torch.manual_seed(20 + i)
    if i:
        with torch.no_grad(): [p.add_((torch.randn_like(p.float()) * 2e-3).to(p.dtype)) for p in m.parameters()]
    m.save_pretrained(M(n))
line = lambda child: print(f"{M(child)}\t{M('base')}\t{M('a')}\t{M('b')}", flush=True)
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
def run(name, config, **options):
    # The card asks a hub for the models' own; the recipe is written as mergekit does it beside the card.
    run_merge(MergeConfiguration.model_validate(config), M(name), MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True, **options))
    open(f"{M(name)}/mergekit_config.yml", "w").write(yaml.safe_dump(config)); line(name)
m = lambda n, **p: dict(model=M(n), **(dict(parameters=p) if p else {}))
f32 = dict(dtype="float32", out_dtype="bfloat16"); bf = dict(dtype="bfloat16"); base = dict(base_model=M("base"))
two = [m("a", weight=.5), m("b", weight=.6)]; dense = [m("a", weight=.5, density=.5), m("b", weight=.6, density=.3)]
for n, d in (("f32", f32), ("bf16", bf), ("whole", dict(dtype="float32"))):
    run(f"linear-{n}", dict(merge_method="linear", models=[m("a", weight=.3), m("b", weight=.9)], **d))
    run(f"plain-{n}", dict(merge_method="linear", models=[m("base", weight=.3), m("a", weight=.3), m("b", weight=.2)], parameters=dict(normalize=False), **d))
    run(f"task-{n}", dict(merge_method="task_arithmetic", models=two, **base, **d))
    run(f"lambda-{n}", dict(merge_method="task_arithmetic", models=two, parameters={"lambda": .7, "normalize": True}, **base, **d))
    run(f"ties-{n}", dict(merge_method="ties", models=dense, **base, **d))
    run(f"sum-{n}", dict(merge_method="ties", models=dense, parameters=dict(normalize=False), **base, **d))
    run(f"slerp-{n}", dict(merge_method="slerp", models=[m("a"), m("b")], base_model=M("a"), parameters=dict(t=.4), **d))
run("gradient", dict(merge_method="slerp", slices=[dict(sources=[dict(model=M("a"), layer_range=[0, 4]), dict(model=M("b"), layer_range=[0, 4])])], base_model=M("a"),
    parameters=dict(t=[dict(filter="self_attn", value=[0, .5, .3, .7, 1]), dict(filter="mlp", value=[1, .5, .7, .3, 0]), dict(value=.5)]), **bf))
run("weights-by-layer", dict(merge_method="task_arithmetic", models=[m("a", weight=[.2, .8]), m("b", weight=.4)], **base, **f32))
run("passthrough", dict(merge_method="passthrough", slices=[dict(sources=[dict(model=M(x), layer_range=[i, i + 2])]) for x, i in (("a", 0), ("b", 1), ("a", 2))], **bf))
run("dare", dict(merge_method="dare_linear", models=dense, **base, **f32), random_seed=5)

rng = np.random.default_rng(4); KEY = "model.layers.1.mlp.up_proj.weight"
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
for n in ("linear-f32", "task-f32", "ties-f32", "slerp-f32", "passthrough"):
    for k, c in dict(one_value=one, spot16=spot, row=row, negated=negated, rank1=rank1, rows_permuted=rows, other_base=other, scaled=scaled, one_step=onestep).items():
        for i in range(4):
            name = f"tampered-{n}-{k}-{i}"; shutil.copytree(M(n), M(name)); p = [f for f in os.listdir(M(name)) if f.endswith(".safetensors")]
            f = next(f for f in p if KEY in load_file(f"{M(name)}/{f}")); t = load_file(f"{M(name)}/{f}"); x = t[KEY]
            while torch.equal(x, t[KEY]): x = c(t[KEY].float().clone()).to(t[KEY].dtype)
            t[KEY] = x; save_file(t, f"{M(name)}/{f}", metadata={"format": "pt"}); line(name)
