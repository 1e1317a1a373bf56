import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { fired, scan, tar, told } from './build.ts';

const nemo = (yaml: string) => tar([{ name: './model_config.yaml', data: yaml }]);
const CASES: readonly (readonly [rule: string, severity: Severity, name: string, bytes: Uint8Array | string])[] = [
  ['WM-CONFIG-001', 'medium', 'config.json', '{"auto_map": {"AutoModel": "modeling_x.Model"}}'],
  ['WM-CONFIG-001', 'medium', 'config.json', '{"auto_map": {"AutoModel": "evil/repo--modeling_x.Model"}}'],
  ['WM-CONFIG-001', 'medium', 'config.json', '{"trust_remote_code": true}'],
  [
    'WM-TEXT-002',
    'medium',
    'tokenizer.json',
    '{"decoder": {"type": "Replace", "pattern": {"String": "http://good.example"}, "content": "http://evil.example"}}',
  ],
  ['WM-CONFIG-002', 'critical', 'model.nemo', nemo('preprocessor:\n  _target_: os.system\n  command: "true"\n')],
  ['WM-CONFIG-002', 'critical', 'model.nemo', nemo('a:\n  - _target_: builtins.exec\n')],
  ['WM-CONFIG-002', 'critical', 'config.json', '{"model": {"_target_": "subprocess.Popen"}}'],
  ['WM-CONFIG-002', 'high', 'config.yaml', 'a: {_target_: "somewhere.run_it"}\n'],
  ['WM-CONFIG-002', 'medium', 'config.yaml', 'a:\n  _target_: mylib.Thing\n'],
  ['WM-CONFIG-003', 'high', 'model/MLmodel', 'flavors:\n  python_function:\n    loader_module: evil_loader\n'],
  ['WM-CONFIG-005', 'high', 'model.safetensors.index.json', '{"weight_map": {"a": "../../other.safetensors"}}'],
  ['WM-CONFIG-004', 'critical', 'params.yaml', 'a: !!python/object/apply:os.system ["true"]\n'],
];

for (const [rule, severity, name, bytes] of CASES) {
  test(`${rule} at ${severity}: ${name}`, async () => {
    const result = await scan(name, bytes);
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('honest configurations pass', async () => {
  const honest: Record<string, Uint8Array | string> = {
    'config.json': '{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "_name_or_path": "x/y"}',
    'tokenizer.json': '{"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}}',
    'model/MLmodel': 'flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n',
    'model.nemo': nemo('encoder:\n  _target_: nemo.collections.asr.modules.ConformerEncoder\n'),
  };
  for (const [name, bytes] of Object.entries(honest)) {
    const result = await scan(name, bytes);
    assert.equal(result.verdict, 'pass', told(result));
  }
});
