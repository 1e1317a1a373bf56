import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { callOf } from '../formats/pickle/assemble.ts';
import { gguf, onnx, safetensors, tar, torchZip, zip } from './build.ts';

/** A small file of every format that is read. */
export const SEEDS: Readonly<Record<string, Uint8Array>> = {
  'model.pkl': callOf('collections', 'OrderedDict'),
  'model.pt': torchZip(),
  'model.zip': zip([
    { name: 'a.txt', data: 'hello hello hello hello', deflate: true },
    { name: 'in.zip', data: torchZip() },
  ]),
  'model.nemo': tar([
    { name: 'model_config.yaml', data: 'a: 1\n' },
    { name: 'b.pkl', data: callOf('a', 'B') },
  ]),
  'model.safetensors': safetensors({ a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }),
  'model.gguf': gguf([
    ['general.architecture', 'llama'],
    ['tokenizer.chat_template', '{% for m in messages %}{{ m.content }}{% endfor %}'],
  ]),
  'model.onnx': onnx(),
  'model.joblib': gzipSync(callOf('collections', 'OrderedDict')),
  'a.npy': Buffer.from(
    "\x93NUMPY\x01\0\x3a\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n\x80\x02}.",
    'latin1',
  ),
  'model.h5': Buffer.concat([
    Buffer.from('894844460d0a1a0a00000000000808000400100000000000', 'hex'),
    Buffer.alloc(600),
  ]),
  'config.json': Buffer.from('{"auto_map": {"a": "b"}, "chat_template": "{{ a }}"}'),
  'data.csv': Buffer.from('a,b\n=SUM(1),2\n'),
  'model.tflite': Buffer.concat([Buffer.from('1c00000054464c33', 'hex'), Buffer.alloc(200)]),
  'saved_model.pb': Buffer.from('080112490a0722057365727665123e0a0b0a026e301205436f6e7374', 'hex'),
  'model.rds': Buffer.concat([
    Buffer.from('580a00000003000403020003050000000005', 'hex'),
    Buffer.from('00000001000400090000000673797374656d', 'hex'),
  ]),
  'data.jsonl': Buffer.from('{"a": 1}\n{"a": 2}\n'),
  'data.arrow': Buffer.concat([
    Buffer.from('ARROW1\0\0'),
    Buffer.alloc(64),
    Buffer.from('100000004152524f5731', 'hex'),
  ]),
  'data.parquet': Buffer.concat([
    Buffer.from('PAR1'),
    Buffer.from('15041c', 'hex'),
    Buffer.alloc(40),
    Buffer.from('2b00000050415231', 'hex'),
  ]),
  'model.keras': zip([
    { name: 'config.json', data: '{"class_name": "Sequential", "config": {}}' },
    { name: 'metadata.json', data: '{}' },
  ]),
  'model.7z': Buffer.concat([Buffer.from('377abcaf271c', 'hex'), Buffer.alloc(50)]),
};

/** A seed with bytes replaced, removed, doubled or cut. */
export function mutated(seed: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({ at: fc.nat(seed.length), bytes: fc.uint8Array({ maxLength: 8 }), drop: fc.nat(12) });
  return fc
    .array(edit, { minLength: 1, maxLength: 6 })
    .map((edits) =>
      edits.reduce<Uint8Array>(
        (bytes, { at, bytes: put, drop }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]),
        seed,
      ),
    );
}
