/** What `init` writes: commented, so that the file itself says what can be changed. */
export const CONFIG_TEMPLATE = `# weighmark: this project's settings. Nobody's tools follow them before they ran \`weighmark trust allow weighmark.yaml\`,
# except that the hook may be made stricter.

# registry: ./registry            # a folder, or oci://host/repo
# policy: policy.yaml

hook:
  # Changed weights without a new seal: warn (a person at a keyboard has no key; CI seals) or error.
  unsealed: warn
`;

/** A policy to start from: `policy lint` names each placeholder, and it lets nothing through before people stand there. */
export function policyTemplate(name: string): string {
  return `# yaml-language-server: $schema=https://weighmark.dev/schemas/policy.schema.json
# What an environment demands of a model. Keep it away from the models: in a repository of its own, reviewed.
# Check it with: weighmark policy lint policy.yaml
format: weighmark-policy/1
name: ${name}
version: 1            # raise it with every change; clients refuse to go back
expires: 2099-01-01   # from then on everything is refused

# People and workloads, each with their keys and identities. Counting is by principal. Replace ACME/MODELS and anna.
# A key's line is NAME.pub without its first and last line: anna: { keys: [MFkw…] }
principals:
  trainer-workflow:
    github: [{ repository: ACME/MODELS, workflow: train.yml, ref: refs/heads/main }]
  evaluator-workflow:
    github: [{ repository: ACME/MODELS, workflow: evaluate.yml, ref: refs/heads/main }]
  release-workflow:
    github: [{ repository: ACME/MODELS, workflow: release.yml, ref: refs/heads/main }]
  anna:
    identities: [{ issuer: https://accounts.google.com, identity: anna@example.com }]

roles:
  publisher: [trainer-workflow]
  trainer: [trainer-workflow]
  evaluator: [evaluator-workflow]
  approver: [anna]
  promoter: [release-workflow]

environments:
  - name: staging
    require: [bom]
  - name: prod
    after: staging
    require:
      - bom
      - { claim: evaluation, where: predicate.result == "PASSED" }
    approvals: 1
`;
}

export function hookTemplate(): string {
  return `repos:
  - repo: local
    hooks:
      - id: weighmark
        name: weighmark
        language: node
        language_version: 24.21.0
        entry: weighmark hook
        additional_dependencies: ['weighmark@0.1.0']
        types: [file]
        require_serial: true
        verbose: true
`;
}
