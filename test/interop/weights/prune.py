# Children of one model pruned by torch (by magnitude in the tensor, in rows of 2:4, at random; globally) and with layers left out, and some
# changed afterwards. Usage: prune.py OUT; prints child and parent.
import copy, json, pathlib, sys, torch
from safetensors.torch import save_file
from torch.nn.utils import prune
out = pathlib.Path(sys.argv[1]); torch.manual_seed(1)
class Layer(torch.nn.Module):
    def __init__(self): super().__init__(); self.up, self.down, self.norm = torch.nn.Linear(64, 128, bias=False), torch.nn.Linear(128, 64, bias=False), torch.nn.LayerNorm(64)
class Model(torch.nn.Module):
    def __init__(self): super().__init__(); self.embed = torch.nn.Embedding(96, 64); self.layers = torch.nn.ModuleList(Layer() for _ in range(4))
def save(name, state, show=True):
    (out / name).mkdir(parents=True); save_file({k: v.contiguous() for k, v in state.items()}, out / name / "model.safetensors")
    if show: print(out / name, out / f"parent-{name.rsplit('-', 1)[1]}", sep="\t")
def linears(m): return [(l, "weight") for x in m.layers for l in (x.up, x.down)]
def done(m):
    for l, w in linears(m):
        if prune.is_pruned(l): prune.remove(l, w)
    return m.state_dict()
def sparse(m):
    for l, _ in linears(m):
        with torch.no_grad():
            x = l.weight.view(-1, 4); keep = torch.zeros_like(x).scatter_(1, x.abs().topk(2, 1).indices, 1.); l.weight.copy_((x * keep).view_as(l.weight))
    return m.state_dict()
for kind in (torch.float32, torch.bfloat16):
    label = str(kind)[6:]; base = Model().to(kind); save(f"parent-{label}", base.state_dict(), False)
    m = copy.deepcopy(base); [prune.l1_unstructured(l, w, .5) for l, w in linears(m)]; save(f"tensor-{label}", done(m))
    m = copy.deepcopy(base); prune.global_unstructured(linears(m), pruning_method=prune.L1Unstructured, amount=.3); save(f"global-{label}", done(m))
    m = copy.deepcopy(base); [prune.random_unstructured(l, w, .2) for l, w in linears(m)]; save(f"random-{label}", done(m))
    save(f"sparse-{label}", sparse(copy.deepcopy(base)))
    m = copy.deepcopy(base); m.layers = torch.nn.ModuleList([m.layers[0], m.layers[3]]); save(f"layers-{label}", m.state_dict())
    m = copy.deepcopy(base); m.layers = torch.nn.ModuleList([m.layers[1], m.layers[2]]); [prune.l1_unstructured(l, w, .5) for l, w in linears(m)]; save(f"both-{label}", done(m))
    for at in range(10):
        m = sparse(copy.deepcopy(base)); m["layers.1.up.weight"][at, at * 3] += .01; save(f"changed_{at}-{label}", m)
