/** What a person types first, by command: shown by `--help` and in the manual pages. A test parses every line. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  verify: [
    'weighmark verify model',
    'weighmark verify model --identity anna@example.com --issuer https://accounts.google.com',
    'weighmark verify acme/demo:1 --env prod --policy policy.yaml',
    "weighmark verify model --only 'model.safetensors#layers.7.*'",
    'weighmark verify download --to model',
  ],
  exec: [
    "weighmark exec model -- python3 -c 'import sys; print(sys.argv)' {}",
    'weighmark exec acme/demo:1 --env prod --policy policy.yaml -- vllm serve {}',
  ],
  seal: [
    'weighmark seal model --name acme/demo:1 --key anna.key',
    'weighmark seal model --name acme/demo:1 --keyless',
    'weighmark seal model --name acme/demo:1 --step train --input dataset=data --param epochs=3 --key tom.key',
  ],
  scan: [
    'weighmark scan model',
    'weighmark scan downloads/* --format sarif -o scan.sarif',
    'weighmark scan model --feed known-bad.stix.json --feed-key feed.pub',
  ],
  derive: [
    'weighmark derive model-Q4_K_M.gguf --from ./model',
    'weighmark derive model-Q4_K_M.gguf --from model-f16.gguf --with imatrix.gguf --at-least recomputed',
  ],
  diff: ['weighmark diff model-1 model-2', 'weighmark diff acme/demo:1 acme/demo:2'],
  sign: [
    'weighmark sign model --key anna.key',
    'weighmark sign policy.yaml --key boss.key',
    'weighmark sign model --key anna.key --algorithm blake3 --shard-size 1000000000',
  ],
  attest: [
    'weighmark attest model --type train --input dataset=data --param epochs=3 --key tom.key',
    'weighmark attest acme/demo:1 --type evaluation --metric accuracy=0.97 --result passed --key bot.key',
    'weighmark attest data --type dataset --reference croissant.json --key tom.key',
  ],
  hash: [
    'weighmark hash model.safetensors',
    'weighmark hash --algorithm sha256 model > SHA256SUMS',
    'weighmark hash --check SHA256SUMS',
    'weighmark hash model --part 2/8 -o parts/2',
    'weighmark hash --join parts/*',
    'weighmark hash --prove model.safetensors:0-1048576 -o part.proof',
    'weighmark hash --check-proof part.proof --digest 43de72…',
  ],
  'bom create': [
    'weighmark bom create model -o bom.cdx.json',
    'weighmark bom create model --name acme/demo --version 1 --licence Apache-2.0 --dataset data --supplier Acme',
  ],
  'bom validate': ['weighmark bom validate bom.cdx.json', 'weighmark bom validate bom.cdx.json --format sarif'],
  'bom diff': ['weighmark bom diff bom-1.cdx.json bom-2.cdx.json'],
  'bom verify': ['weighmark bom verify bom.cdx.json model'],
  inspect: ['weighmark inspect model', 'weighmark inspect acme/demo:1 --json'],
  inventory: [
    'weighmark inventory',
    'weighmark inventory models --json',
    'weighmark inventory --format cyclonedx -o machine.cdx.json',
    'weighmark inventory --policy policy.yaml --env prod --feed known-bad.stix.json',
  ],
  init: ['weighmark init', 'weighmark init --yes'],
  keygen: ['weighmark keygen anna', 'weighmark keygen bot --no-password'],
  'trust add': [
    'weighmark trust add anna --key anna.pub',
    'weighmark trust add ci --github acme/models --workflow release.yml --ref refs/heads/main',
    "weighmark trust add boss --key boss.pub --for 'policy/*' --threshold 2",
  ],
  'trust list': ['weighmark trust list'],
  'trust remove': ['weighmark trust remove anna'],
  'trust allow': ['weighmark trust allow', 'weighmark trust allow ci/weighmark.yaml'],
  'trust export': ['weighmark trust export > trust.yaml', 'weighmark trust export ci boss -o trust.yaml'],
  'trust forget-time': ['weighmark trust forget-time'],
  'trust update': ['weighmark trust update', 'weighmark trust update --from trusted_root.json'],
  'dataset index': [
    'weighmark dataset index data/train.jsonl',
    'weighmark dataset index table.csv --types id=number,price=number --no-keep',
  ],
  'dataset prove': [
    `weighmark dataset prove train.jsonl --record '{"id":7,"text":"seven"}' -o seven.proof`,
    'weighmark dataset prove train.jsonl --extends train-1.records',
  ],
  'dataset check': [
    `weighmark dataset check seven.proof --roots train.records --record '{"id":7,"text":"seven"}'`,
    'weighmark dataset check train.jsonl test.jsonl --step split --from all.jsonl',
    'weighmark dataset check train.jsonl --against test.jsonl',
  ],
  'dataset gc': ['weighmark dataset gc', 'weighmark dataset gc train.jsonl'],
  'dataset diff': ['weighmark dataset diff train-1.jsonl train-2.jsonl --key id'],
  'registry init': [
    'weighmark registry init registry',
    'weighmark registry init registry --origin models.example.com/log',
  ],
  'registry gc': ['weighmark registry gc --dry-run --registry registry'],
  push: [
    'weighmark push model acme/demo:1 --registry registry',
    'weighmark push model acme/demo:1 --registry oci://ghcr.io/acme/models',
    'weighmark push model acme/demo:1 --manifest 2 --registry registry',
  ],
  pull: [
    'weighmark pull acme/demo:1 model --registry registry',
    'weighmark pull acme/demo:1 model --env prod --policy policy.yaml',
    "weighmark pull acme/demo:1 model --only '*.safetensors'",
  ],
  copy: ['weighmark copy acme/demo:1 /media/usb/registry', 'weighmark copy acme/demo:1 oci://ghcr.io/acme/models'],
  list: ['weighmark list', 'weighmark list acme/demo'],
  show: ['weighmark show acme/demo:1'],
  'log show': ['weighmark log show', 'weighmark log show acme/demo:1 --kind promotion'],
  'log verify': ['weighmark log verify', 'weighmark log verify demo.tlog-proof'],
  'log prove': ['weighmark log prove acme/demo:1 -o demo.tlog-proof'],
  'log integrate': [
    'weighmark log integrate --registry oci://ghcr.io/acme/models --log-key log.key --policy policy.yaml',
  ],
  'log void': ["weighmark log void 17 --reason 'never had a bundle' --policy policy.yaml --key security.key"],
  promote: [
    'weighmark promote acme/demo:1 --env staging --policy policy.yaml --key bot.key',
    'weighmark promote acme/demo:1 --env prod --policy policy.yaml --dry-run',
    'weighmark promote --all --env prod --policy next.yaml --dry-run',
    'weighmark promote acme/demo:1 --env prod --policy policy.yaml --keyless',
  ],
  approve: ['weighmark approve acme/demo:1 --env prod --policy policy.yaml --key anna.key'],
  rollback: [
    'weighmark rollback acme/demo --env prod --policy policy.yaml --key bot.key',
    'weighmark rollback acme/demo --env prod --to 1.3 --policy policy.yaml --key bot.key',
  ],
  revoke: [
    "weighmark revoke acme/demo:1 --reason 'poisoned dataset' --policy policy.yaml --key boss.key",
    "weighmark revoke --identity tom --since 2026-01-31T00:00:00Z --reason 'laptop stolen' --policy policy.yaml --key boss.key",
    'weighmark revoke --snapshot 7d --policy policy.yaml --key boss.key',
  ],
  impact: [
    'weighmark impact acme/data:1',
    "weighmark impact acme/data:1 --record '1234,a row that must go'",
    'weighmark impact base-model --json',
  ],
  audit: [
    'weighmark audit --policy policy.yaml',
    'weighmark audit --policy policy.yaml --env prod --feed known-bad.stix.json',
    'weighmark audit --policy policy.yaml --watch 15m --state audit.json --webhook https://hooks.example/weighmark',
  ],
  'policy lint': [
    'weighmark policy lint policy.yaml',
    'weighmark policy lint next.yaml --against policy.yaml --registry reg',
  ],
  'policy explain': ['weighmark policy explain acme/demo:1 --env prod --policy policy.yaml'],
  'policy test': ['weighmark policy test cases.yaml --policy policy.yaml'],
  lineage: ['weighmark lineage acme/demo:1 --policy policy.yaml', 'weighmark lineage acme/demo:1 --format mermaid'],
  hook: [
    'weighmark hook',
    "printf '#!/bin/sh\\nexec weighmark hook\\n' > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit",
  ],
  report: [
    'weighmark report acme/demo:1 --env prod --policy policy.yaml -o report.html',
    'weighmark report acme/demo:1 --env prod --at 2026-03-31 --policy policy.yaml --format markdown',
    'weighmark report acme/demo:1 --env prod --policy policy.yaml --evidence evidence.tar -o report.html',
    'weighmark report acme/demo:1 --env prod --policy policy.yaml --format cyclonedx -o declarations.cdx.json',
    'weighmark report --registry registry --policy policy.yaml -o registry.html',
    'weighmark report --registry registry --policy policy.yaml --site pages',
  ],
  explain: ['weighmark explain policy-mismatch', 'weighmark explain WM-PICKLE-001'],
  completion: ['eval "$(weighmark completion bash)"', 'weighmark completion fish | source'],
};

/** @param path the words that name the command, such as `bom create` */
export function examplesOf(path: string): readonly string[] {
  return EXAMPLES[path] ?? [];
}
