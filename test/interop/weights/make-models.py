# Writes tiny random Hugging Face models, one folder per architecture.
# Pinned: torch 2.15.0, transformers 5.24.0, safetensors 0.8.0. Usage: make-models.py OUT [bf16|f16|f32]
import sys, os, json, torch, transformers as T
out, dt = sys.argv[1], dict(bf16=torch.bfloat16, f16=torch.float16, f32=torch.float32)[(sys.argv + ["bf16"])[2]]
C = dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
         num_key_value_heads=2, vocab_size=260, max_position_embeddings=512)
R3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
          original_max_position_embeddings=128, rope_theta=500000.0)
S = [x / 8 + 1 for x in range(16)]
LR = dict(rope_type="longrope", long_factor=S, short_factor=[1.0] * 16, original_max_position_embeddings=256, rope_theta=10000.0)
M = {
 "llama":   lambda: T.LlamaForCausalLM(T.LlamaConfig(**C, rope_parameters=R3, tie_word_embeddings=False)),
 "llama-tied": lambda: T.LlamaForCausalLM(T.LlamaConfig(**C, tie_word_embeddings=True)),
 "mistral": lambda: T.MistralForCausalLM(T.MistralConfig(**C)),
 "mixtral": lambda: T.MixtralForCausalLM(T.MixtralConfig(**C, num_local_experts=4)),
 "qwen2":   lambda: T.Qwen2ForCausalLM(T.Qwen2Config(**C)),
 "qwen3":   lambda: T.Qwen3ForCausalLM(T.Qwen3Config(**C, head_dim=32)),
 "qwen2moe": lambda: T.Qwen2MoeForCausalLM(T.Qwen2MoeConfig(**C, num_experts=4, moe_intermediate_size=64, shared_expert_intermediate_size=64)),
 "qwen3moe": lambda: T.Qwen3MoeForCausalLM(T.Qwen3MoeConfig(**C, head_dim=32, num_experts=4, moe_intermediate_size=64)),
 "gemma":   lambda: T.GemmaForCausalLM(T.GemmaConfig(**C, head_dim=32)),
 "gemma2":  lambda: T.Gemma2ForCausalLM(T.Gemma2Config(**C, head_dim=32)),
 "gemma3":  lambda: T.Gemma3ForCausalLM(T.Gemma3TextConfig(**C, head_dim=32)),
 "phi3":    lambda: T.Phi3ForCausalLM(T.Phi3Config(**C, rope_parameters=LR, original_max_position_embeddings=256, pad_token_id=0)),
 "bert":    lambda: T.BertForMaskedLM(T.BertConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, vocab_size=260, max_position_embeddings=64)),
 "roberta": lambda: T.RobertaModel(T.RobertaConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, vocab_size=260, max_position_embeddings=66, pad_token_id=1)),
 "gpt2":    lambda: T.GPT2LMHeadModel(T.GPT2Config(n_embd=128, n_layer=2, n_head=4, vocab_size=260, n_positions=64)),
 "falcon":  lambda: T.FalconForCausalLM(T.FalconConfig(hidden_size=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=260)),
 "falcon-new": lambda: T.FalconForCausalLM(T.FalconConfig(hidden_size=128, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True, vocab_size=260)),
 "mamba":   lambda: T.MambaForCausalLM(T.MambaConfig(hidden_size=128, num_hidden_layers=2, vocab_size=260, state_size=16)),
 "mamba2":  lambda: T.Mamba2ForCausalLM(T.Mamba2Config(hidden_size=128, num_hidden_layers=2, vocab_size=260, state_size=16, head_dim=32, num_heads=8, n_groups=2, expand=2)),
}
for n, f in M.items():
    torch.manual_seed(7)
    try:
        m = f()
        with torch.no_grad():
            for k, p in m.named_parameters():
                p.copy_(torch.randn_like(p) * 0.02 + (p if p.ndim == 1 or "A_log" in k else 0))
        m = m.to(dt)
        m.save_pretrained(f"{out}/{n}", safe_serialization=True)
        # the Gemma 3 converter counts tokenizer.json entries: 256 of the 260 rows
        json.dump(dict(model=dict(type="BPE", vocab={f"t{i}": i for i in range(256)}, merges=[]), added_tokens=[]), open(f"{out}/{n}/tokenizer.json", "w"))
    except Exception as e:
        print("FAIL", n, type(e).__name__, str(e)[:200])
# what the published folders' config.json has and this version of transformers no longer writes
for n, kv in (("gpt2", dict(n_ctx=64)), ("falcon", dict(num_kv_heads=1))):
    p = f"{out}/{n}/config.json"; c = json.load(open(p)); c.update(kv); json.dump(c, open(p, "w"), indent=1)
