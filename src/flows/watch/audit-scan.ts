import type { Environment, Policy } from '../../domain/authority/types.ts';
import type { Clock } from '../../domain/ports/terminal.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { FeedIndex } from '../../domain/scan/feeds/match.ts';
import { atLeast, isCounted, withDescribed, type ScanResult } from '../../domain/scan/index.ts';
import { checkOf, type Check, type Finding } from '../../domain/base/verdict.ts';
import type { GateContent } from '../gate/gate-content.ts';
import { scanArtifactName, scanSource, scanWeights, type ScanOptions } from '../content/scan.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { counted } from '../../domain/base/units.ts';

export interface Rescan {
  readonly name: string;
  readonly files: GateContent['files'];
  readonly policy: Policy;
  readonly environment: Environment;
  /** What is known to be bad by now. */
  readonly feeds?: FeedIndex;
  /** What its signed lists say that its weights are. */
  readonly weights: readonly ListedWeights[];
}

const MOST = 20;

/**
 * Scans what runs once more, with today's rules and feeds: it may be known to be bad since it was promoted. Nothing where
 * neither a feed is given nor the environment asks for scans; what could not be examined counts only for the latter.
 */
export async function rescan(what: Rescan, registry: Registry, clock: Clock): Promise<readonly Check[]> {
  const { name, files, policy, environment, feeds } = what;
  if (feeds === undefined && environment.scan === undefined) return [];
  const sha256 = new Map(files.map((file) => [file.path, file.sha256]));
  const options: ScanOptions = {
    name: { name },
    suppressions: { rules: policy.suppressions, now: clock.now() },
    ...(feeds === undefined ? {} : { index: feeds }),
    digests: (path) => ({ sha256: sha256.get(path) ?? '' }),
  };
  const scanned: ScanResult[] = [];
  for (const file of files) {
    const blob = await registry.openBlob(name, `sha256:${file.sha256}`, file.sizeBytes);
    try {
      scanned.push(await scanSource({ path: file.path, source: blob }, options));
    } finally {
      await blob.close();
    }
  }
  const results = withDescribed(scanned);
  const level = environment.scan?.failOn ?? 'high';
  const known = [...scanArtifactName(name, options), ...scanWeights(what.weights, options)];
  const bad = [...known, ...results.flatMap(({ findings }) => findings)].filter(
    (finding) => isCounted(finding) && atLeast(finding.severity, level),
  );
  const open = environment.scan === undefined ? [] : results.flatMap(({ unexamined }) => unexamined);
  const findings = [
    ...bad.map(({ rule, severity, message, place }): Finding => ({
      code: 'scan-finding',
      message: `${rule} (${severity}): ${message}`,
      subject: place.path,
    })),
    ...open.map(({ place, reason }): Finding => ({ code: 'scan-incomplete', message: reason, subject: place.path })),
  ];
  return [
    checkOf(
      'content scan',
      [{ what: `${counted(files.length, 'file')} scanned now: nothing ${level} or worse` }].filter(
        () => findings.length === 0,
      ),
      findings.slice(0, MOST),
    ),
  ];
}
