import type { CiIdentity, TrustAnchor, TrustEntry } from '../../domain/claims/types.ts';
import { certificateFingerprint, readCertificates, subjectOf } from '../../domain/pki/certificates.ts';
import { instanceOf } from '../../domain/trust/instance.ts';
import { readPublicKey, shownFingerprint } from '../../domain/pki/keys.ts';
import type { Style } from '../command.ts';

/** One entry as JSON for `trust list`: what a person compares, not the bytes. */
export function entryJson({ name, for: names, threshold, anchor }: TrustEntry): Readonly<Record<string, unknown>> {
  return {
    name,
    ...(names === undefined ? {} : { for: names }),
    ...(threshold === undefined ? {} : { threshold }),
    ...anchorJson(anchor),
  };
}

function anchorJson(anchor: TrustAnchor): object {
  if (anchor.kind === 'key')
    return {
      kind: 'key',
      fingerprint: readPublicKey(anchor.pem).fingerprint,
      keyType: readPublicKey(anchor.pem).curve.name,
      ...(anchor.until === undefined ? {} : { until: anchor.until }),
    };
  if (anchor.kind === 'certificate')
    return {
      kind: 'certificate',
      certificates: readCertificates(anchor.pem).map(certificateFingerprint),
      ...(anchor.identity === undefined ? {} : { identity: anchor.identity }),
    };
  const { trustedRoot, ...rest } = anchor;
  return { ...rest, instance: instanceOf(trustedRoot) };
}

/** One line an entry: name, who it is, what it counts for. */
export function entryLines(entries: readonly TrustEntry[], style: Style): string {
  const width = Math.max(4, ...entries.map(({ name }) => name.length));
  const good = ({ for: names, threshold }: TrustEntry): string =>
    names === undefined ? '' : `  for ${names}${threshold === undefined ? '' : `, ${threshold} must sign`}`;
  return entries
    .map(
      (entry) =>
        `${style.bold(entry.name.padEnd(width))}  ${style.plain(who(entry.anchor))}${style.dim(good(entry))}\n`,
    )
    .join('');
}

function who(anchor: TrustAnchor): string {
  if (anchor.kind === 'key')
    return `key ${shownFingerprint(readPublicKey(anchor.pem).fingerprint)}${anchor.until === undefined ? '' : `, retired ${anchor.until}`}`;
  if (anchor.kind === 'certificate') {
    const [top = ''] = readCertificates(anchor.pem).map(subjectOf);
    return `${anchor.identity ?? 'any certificate'} under ${top === '' ? 'a certificate without a name' : top.replaceAll('\n', ', ')}`;
  }
  const named = [
    anchor.identity,
    anchor.identityPattern === undefined ? undefined : `names like ${anchor.identityPattern}`,
    workload('GitHub', anchor.github),
    workload('GitLab', anchor.gitlab),
  ];
  const instance = anchor.trustedRoot === undefined ? '' : `, on ${instanceOf(anchor.trustedRoot).slice(0, 26)}…`;
  return `${named.filter((name) => name !== undefined).join(', ')}, says ${anchor.issuer}${instance}`;
}

function workload(forge: string, identity: CiIdentity | undefined): string | undefined {
  if (identity === undefined) return undefined;
  const { repository, workflow, ref, environment, trigger } = identity;
  const parts = [
    ['workflow', workflow],
    ['ref', ref],
    ['environment', environment],
    ['trigger', trigger],
  ].filter(([, value]) => value !== undefined);
  return [`${forge} ${repository}`, ...parts.map((part) => part.join(' '))].join(', ');
}
