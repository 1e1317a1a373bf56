import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { parseAllDocuments } from 'yaml';

interface Container {
  name: string;
  image: string;
  args?: string[];
  command?: string[];
  env?: { name: string; value?: string; valueFrom?: object }[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}
interface Pod {
  spec: {
    volumes: { name: string; emptyDir?: object; hostPath?: object; configMap?: { name: string } }[];
    initContainers: Container[];
    containers: Container[];
    ephemeralContainers?: object[];
  };
}
interface Policy {
  matchConditions: { expression: string }[];
  variables: { name: string; expression: string }[];
  validations: { expression: string; message: string }[];
}

const read = (name: string): { spec: unknown } =>
  parseAllDocuments(readFileSync(`examples/ci/kubernetes/${name}`, 'utf8'))[0]?.toJS() as { spec: unknown };
const policy = read('admission.yaml').spec as Policy;
const pod = (): Pod => ({
  spec: structuredClone((read('init-container.yaml').spec as { template: Pod }).template.spec),
});

const toCel = (value: unknown): CelInput =>
  Array.isArray(value)
    ? value.map(toCel)
    : typeof value === 'object' && value !== null
      ? new Map(Object.entries(value).map(([key, member]) => [key, toCel(member)]))
      : typeof value === 'number'
        ? BigInt(value)
        : (value as CelInput);

/** As the API server does: conditions, then variables in order, then every validation; an error refuses (`failurePolicy: Fail`). */
function decide(object: Pod): readonly string[] | 'not asked' {
  const data: Record<string, CelInput> = { object: toCel(object) };
  const ask = (expression: string): unknown => plan(celEnv(), parse(expression).expr as never)(data);
  if (!policy.matchConditions.every(({ expression }) => ask(expression) === true)) return 'not asked';
  const variables = new Map<string, CelInput>();
  data['variables'] = variables;
  for (const { name, expression } of policy.variables) {
    const value = ask(expression);
    assert.ok(!isCelError(value), `${name}: ${String(value)}`);
    variables.set(name, value as CelInput);
  }
  return policy.validations.filter(({ expression }) => ask(expression) !== true).map(({ message }) => message);
}

function changed(change: (spec: Pod['spec'], verifier: Container, server: Container) => void): Pod {
  const object = pod();
  const { spec } = object;
  change(spec, spec.initContainers[0] as Container, spec.containers[0] as Container);
  return object;
}

test('the pod of the example is admitted, and one without a model is not asked', () => {
  assert.deepEqual(decide(pod()), []);
  assert.equal(decide(changed((spec) => (spec.volumes = []))), 'not asked');
});

test('the pod that KServe makes of its example is admitted, and is that of a Deployment but for the server', () => {
  const { predictor } = read('kserve/inference-service.yaml').spec as { predictor: Pod['spec'] };
  assert.deepEqual(decide({ spec: predictor }), []);
  assert.deepEqual([predictor.volumes, predictor.initContainers], [pod().spec.volumes, pod().spec.initContainers]);
  delete predictor.containers[0]?.volumeMounts?.[0]?.readOnly;
  assert.equal((decide({ spec: predictor }) as readonly string[]).length, 1);
});

test('what goes round the verification is refused, each for its own reason', () => {
  const refused: Readonly<Record<string, readonly [RegExp, Pod]>> = {
    'no init container': [/one init container/, changed((spec) => (spec.initContainers = []))],
    'another before it': [
      /one init container/,
      changed((spec, verifier) => spec.initContainers.unshift({ ...verifier, name: 'x' })),
    ],
    'two of them': [/one init container/, changed((spec, verifier) => spec.initContainers.push(verifier))],
    'image by tag': [
      /by digest/,
      changed((_, verifier) => (verifier.image = 'registry.example.com/tools/weighmark:0.1.0')),
    ],
    'image of somebody else': [
      /by digest/,
      changed((_, verifier) => (verifier.image = verifier.image.replace('example', 'evil'))),
    ],
    'its own command': [/by digest/, changed((_, verifier) => (verifier.command = ['sh']))],
    'another environment': [
      /--env prod/,
      changed((_, verifier) => (verifier.args = verifier.args?.map((each) => each.replace('prod', 'dev')) ?? [])),
    ],
    'no policy': [/--policy/, changed((_, verifier) => (verifier.args = verifier.args?.slice(0, 5) ?? []))],
    'one more option': [/--env prod/, changed((_, verifier) => verifier.args?.push('--min-checkpoint=0'))],
    'its own trust': [
      /takes its trust/,
      changed((_, verifier) => (verifier.env = [{ name: 'WEIGHMARK_TRUST', value: '/model/trust.yaml' }])),
    ],
    'a setting of Node': [
      /takes its trust/,
      changed((_, verifier) => verifier.env?.push({ name: 'NODE_OPTIONS', value: '--require=/model/x.js' })),
    ],
    'a secret as setting': [
      /takes its trust/,
      changed((_, verifier) => verifier.env?.push({ name: 'WEIGHMARK_REGISTRY', valueFrom: {} })),
    ],
    'a model of the host': [
      /emptyDir/,
      changed((spec) => (spec.volumes[0] = { name: 'model', hostPath: { path: '/' } })),
    ],
    'a policy of its own': [/config map/, changed((spec) => (spec.volumes[1] = { name: 'weighmark', emptyDir: {} }))],
    'no policy mounted': [/config map/, changed((_, verifier) => verifier.volumeMounts?.pop())],
    'a server that writes': [/readOnly/, changed((_, __, server) => delete server.volumeMounts?.[0]?.readOnly)],
    'a sidecar that writes': [
      /readOnly/,
      changed((spec, _, server) =>
        spec.initContainers.push({ ...server, name: 'side', volumeMounts: [{ name: 'model', mountPath: '/m' }] }),
      ),
    ],
    'a debug container': [/debug/, changed((spec) => (spec.ephemeralContainers = [{}]))],
  };
  for (const [name, [message, object]] of Object.entries(refused)) {
    const said = decide(object);
    assert.ok(Array.isArray(said) && said.some((each: string) => message.test(each)), `${name}: ${String(said)}`);
  }
});
