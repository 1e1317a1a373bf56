#!/bin/bash
# The real libraries and the real converter against what we recompute: containers made anew, nineteen tiny models through
# llama.cpp's converter, sixteen types of its quantiser, 270 tampered children.
# Needs Python 3.11, gcc, and PyPI (torch, transformers, gguf …; llama.cpp's source lies in llama_cpp_python's).
# Slow (about twenty minutes on two cores, most of it installing torch); set WEIGHMARK_INTEROP_CACHE to keep what it builds.
source "$(dirname "$0")/stage.sh"
here="$root/test/interop/weights"
cache="$cache/weights"
mkdir -p "$cache"
python="$cache/venv/bin/python"
if [ ! -x "$python" ]; then
  python3 -m venv "$cache/venv"
  "$python" -m pip install -q numpy==2.4.6 safetensors==0.8.0 gguf==0.19.0 ml_dtypes==0.6.0 blake3==1.0.11 onnx==1.23.2 h5py==3.16.0
  "$python" -m pip install -q torch==2.15.0 transformers==5.24.0 sentencepiece peft==0.21.2 mergekit==0.1.5
  "$python" -m pip install -q torchao==0.18.0 compressed-tensors==0.20.1 onnxruntime==1.32.0 onnx-ir==1.1.0
fi
if [ ! -d "$cache/llama.cpp" ]; then
  (cd "$cache" && python3 -m pip download -q --no-deps --no-binary llama_cpp_python llama_cpp_python==0.3.36 && tar xzf llama_cpp_python-0.3.36.tar.gz)
  mv "$cache/llama_cpp_python-0.3.36/vendor/llama.cpp" "$cache/llama.cpp"
fi
build() { # build NAME FLAGS...: ggml's quantiser as a library
  local out="$cache/$1.so"; shift
  [ -f "$out" ] && return 0
  local source="$cache/llama.cpp/ggml/src" objects="$cache/objects"
  mkdir -p "$objects"
  printf '#pragma once\n#define GGML_VERSION "x"\n#define GGML_COMMIT "x"\n' > "$objects/ggml-version.h"
  printf 'void ggml_backend_buffer_get_usage(void){}\nvoid ggml_backend_tensor_memset(void){}\nvoid ggml_backend_tensor_set(void){}\n' > "$objects/stub.c"
  local flags=(-O3 -fPIC -std=gnu11 -D_GNU_SOURCE -I"$source/../include" -I"$source" -I"$objects" "$@")
  gcc "${flags[@]}" -c "$source/ggml.c" -o "$objects/ggml.o"
  gcc "${flags[@]}" -c "$source/ggml-quants.c" -o "$objects/quants.o"
  gcc -c -fPIC "$objects/stub.c" -o "$objects/stub.o"
  g++ -O2 -fPIC -I"$source/../include" -I"$source" -c "$source/ggml-threading.cpp" -o "$objects/threading.o"
  gcc -shared -o "$out" "$objects"/{ggml,quants,stub,threading}.o -lm -lstdc++ -lpthread
}
build plain
build fused -march=haswell -ffp-contract=fast

roots() { # the containers made anew have the roots of the fixtures
  mkdir -p "$work/w/containers" && cp "$root/fixtures/weights/make.py" "$work/w/" && "$python" "$work/w/make.py" "$work/w/containers"
  node -e 'const [a, b] = process.argv.slice(1).map((p) => JSON.stringify(JSON.parse(require("fs").readFileSync(p)).roots)); process.exit(a === b ? 0 : 1)' \
    "$work/w/expected.json" "$root/fixtures/weights/expected.json"
}
check "containers of the real libraries have the same roots again" roots

models() { # nineteen models in three types through the converter into four: every tensor equal or recomputed (Mamba: 2 ulp)
  for type in bf16 f16 f32; do
    [ -d "$cache/models-$type" ] || "$python" "$here/make-models.py" "$cache/models-$type" "$type"
    for out in f32 f16 bf16 q8_0; do
      LLAMA_CPP="$cache/llama.cpp" "$python" "$here/convert.py" "$cache/models-$type" "$work/gguf-$type" "$out"
    done
    for child in "$work/gguf-$type"/*.gguf; do
      name=$(basename "$child" .gguf); printf '%s\t%s\n' "$child" "$cache/models-$type/${name%-*}"
    done
  done | node "$here/derive-all.ts" > "$work/derived"
  node "$here/judge.ts" models < "$work/derived"
}
check "every tensor of 228 conversions is equal or recomputed" models

tampered() {
  "$python" "$here/tamper.py" "$cache/plain.so" "$work/tampered" > "$work/cases"
  for how in "" --quick; do cut -f1,2 "$work/cases" | node "$here/derive-all.ts" $how | node "$here/judge.ts" "tampered$how"; done
}
check "270 tampered children are found, honest ones never" tampered

attack() { # 318 children that were changed in ways that keep every code plausible, by codes alone: each found at its tensor
  "$python" "$here/attack.py" "$cache/plain.so" "$work/attack" > "$work/attack.cases"
  cut -f1,2 "$work/attack.cases" | node "$here/derive-all.ts" --quick > "$work/attack.out"
  node "$here/judge.ts" attack "$work/attack.cases" < "$work/attack.out"
  rm -rf "$work/attack"
}
check "318 children changed in other ways are found at their tensors by codes alone, honest ones never" attack

adapters() { # 30 LoRAs merged by PEFT, and 148 children that were changed afterwards
  mkdir -p "$work/adapters" && "$python" "$here/peft-merges.py" "$work/adapters" > "$work/merged"
  node "$here/derive-all.ts" --adapter < "$work/merged" | node "$here/judge.ts" adapters
}
check "what PEFT merges is recomputed, what was changed afterwards is found at its tensor" adapters

merges() { # 24 merges by mergekit, and 180 children that were changed afterwards
  "$python" "$here/mergekit-merges.py" "$work/merges" > "$work/merges.list"
  node "$here/derive-all.ts" --merge < "$work/merges.list" | node "$here/judge.ts" merges
}
check "what mergekit merges is recomputed (SLERP within bounds), what was changed afterwards is found at its tensor" merges

affine() { # torchao, compressed-tensors and ONNX Runtime: 14 children of each of six parents
  for type in float32 float16 bfloat16; do for seed in 5 6; do
    "$python" "$root/fixtures/weights/make-affine.py" "$work/affine/$type-$seed" "$seed" "$type" 128 512
    for child in "$work/affine/$type-$seed"/{torchao,compressed,onnxruntime}-*; do
      printf '%s\t%s\n' "$child" "$work/affine/$type-$seed/parent.${child##*.}"
    done
  done; done | node "$here/derive-all.ts" > "$work/affine.out"
  node "$here/judge.ts" affine < "$work/affine.out"
}
check "weights of torchao, compressed-tensors and ONNX Runtime are recomputed" affine

blocks() { # ONNX Runtime's blocks and FP8 in tiles: three parents each; what searches for scales or follows data is never accused
  for type in float32 float16; do for seed in 5 6; do
    "$python" "$root/fixtures/weights/make-nbits.py" "$work/nbits/$type-$seed" "$seed" "$type" 208 96
  done; done
  for type in float32 float16 bfloat16; do "$python" "$root/fixtures/weights/make-fp8.py" "$work/fp8/$type" 7 "$type" 512 384 128; done
  for child in "$work"/nbits/*/{blocks,qdq,gather,search,data}*.onnx "$work"/fp8/*/{transformers,compressed}*; do
    [ -f "$child" ] && printf '%s\t%s\n' "$child" "$(dirname "$child")/parent.${child##*.}"
  done | node "$here/derive-all.ts" > "$work/blocks.out"
  node "$here/judge.ts" blocks < "$work/blocks.out"
}
check "ONNX Runtime's blocks and FP8 in tiles are recomputed; what searches for scales is never accused" blocks

tflite() { # TensorFlow's converter: F16, dynamic range and 8 bits throughout, of two models
  local own="$cache/tensorflow"
  [ -d "$own" ] || { python3 -m venv "$own" && "$own/bin/python" -m pip install -q tensorflow-cpu==2.21.0; }
  for seed in 3 4; do
    "$own/bin/python" "$root/fixtures/weights/make-tflite.py" "$work/tflite/$seed" "$seed" $((seed * 8)) >&2
    for child in dynamic full int8 float16; do printf '%s\t%s\n' "$work/tflite/$seed/$child.tflite" "$work/tflite/$seed/parent.tflite"; done
    printf '%s\t%s\n' "$work/tflite/$seed/parent.tflite" "$work/tflite/$seed/parent.keras"
  done | node "$here/derive-all.ts" > "$work/tflite.out"
  node "$here/judge.ts" tflite < "$work/tflite.out"
}
check "weights of TFLite are recomputed; biases under scales of data are never accused" tflite

pruned() { # twelve models pruned by torch or without some layers, and 20 that were changed afterwards
  "$python" "$here/prune.py" "$work/pruned" > "$work/pruned.list"
  node "$here/derive-all.ts" --prune < "$work/pruned.list" > "$work/pruned.out"
  node "$here/judge.ts" pruned < "$work/pruned.out"
}
check "what was pruned is recomputed by magnitude, bounded at random, what was changed is found" pruned

calibrated() { # GPTQ and AWQ by real packers: the fixtures again, byte for byte, and neither verified nor accused
  local packers="$cache/packers"
  [ -d "$packers" ] || "$python" -m pip install -q --target "$packers" --no-deps llmcompressor==0.14.0.1 auto-round==0.16.1 loguru==0.7.3 py-cpuinfo==9.0.0
  PYTHONPATH="$packers" "$python" "$root/fixtures/weights/make-calibrated.py" "$work/calibrated"
  diff -r "$work/calibrated" "$root/fixtures/weights/calibrated"
  for type in float16 float32; do PYTHONPATH="$packers" "$python" "$root/fixtures/weights/make-calibrated.py" "$work/calibrated-$type" 4 "$type"; done
  for child in "$work"/calibrated*/{gptq,gptq-second,awq,compressed-gptq}; do printf '%s\t%s\n' "$child" "$(dirname "$child")/parent"; done |
    node "$here/derive-all.ts" > "$work/calibrated.out"
  node "$here/judge.ts" calibrated < "$work/calibrated.out"
}
check "weights of GPTQ and AWQ are neither verified nor accused" calibrated

folded() { # LLM Compressor's children without their recipes, of three parents: round-to-nearest is recomputed, the rest undecided, none accused
  local packers="$cache/packers"
  PYTHONPATH="$packers" "$python" "$root/fixtures/weights/make-folded.py" "$work/folded"
  PYTHONPATH="$packers" "$python" "$root/fixtures/weights/make-folded.py" "$work/folded-f16" 4 float16
  PYTHONPATH="$packers" "$python" "$root/fixtures/weights/make-folded.py" "$work/folded-f32" 5 float32
  for child in "$work"/folded*/{nearest,static,smooth,smooth-fp8,smooth-plain,awq,spin,quip}; do printf '%s\t%s\n' "$child" "$(dirname "$child")/parent"; done |
    node "$here/derive-all.ts" > "$work/folded.out"
  node "$here/judge.ts" folded < "$work/folded.out"
}
check "weights whose scales were folded without a recipe are never accused" folded

echo "weights: $passed passed, $failed failed"
[ "$failed" = 0 ]
