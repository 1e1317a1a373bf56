/** Prints the metrics of an audit that found something, with names that try to end their line. */
import { auditMetrics } from '../../../src/cli/views/open-metrics.ts';
import type { Code } from '../../../src/domain/base/errors.ts';
import { checkOf, verdictOf } from '../../../src/domain/base/verdict.ts';

const verdict = (...codes: readonly Code[]) =>
  verdictOf({
    subject: 'x',
    checks: [
      checkOf(
        'content',
        [{ what: 'read' }],
        codes.map((code) => ({ code, message: code })),
      ),
    ],
  });
const id = `sha256:${'a'.repeat(64)}`;
const promotions = [
  { name: 'acme/enc', environment: 'prod', id, verdict: verdict() },
  { name: 'acme/old "one"\\', environment: 'prod', id, verdict: verdict('revoked', 'claim-missing') },
  { name: 'ünïcode\n# EOF', environment: 'staging', id, verdict: verdict('digest-mismatch') },
];
process.stdout.write(
  auditMetrics(
    { log: verdict(), promotions },
    { registry: 'oci://registry.example/acme', version: '0.1.0', at: new Date() },
  ),
);
