import { formatBytes } from '../../domain/base/units.ts';
import { show, type ShowOutcome } from '../../flows/registry/registry-show.ts';
import type { Register, Report, Style } from '../command.ts';
import { addLogOptions, openArtifact, type LogOptions } from '../registry-options.ts';

/** `show REF`: what a registry holds under a name, listed, not verified. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('show'))
    .description('show an artifact of a registry: files, claims, log entries')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://…, sha256:…')
    .action(
      run(async (context, ref: string, options: LogOptions) => {
        const { registry, place } = await openArtifact(context, ref, options);
        return report(await show(place, registry));
      }),
    );
};

function report(outcome: ShowOutcome): Report {
  const { name, id, ids, tags, files, claims, log } = outcome;
  return {
    exitCode: 0,
    json: { name, id, ids, tags, files, claims, log: log.map(({ index, leaf }) => ({ index, ...leaf })) },
    text: (style) => ({
      out: lines(outcome, style)
        .map((line) => `${line}\n`)
        .join(''),
    }),
  };
}

function lines({ name, id, ids, tags, files, claims, log }: ShowOutcome, style: Style): readonly string[] {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return [
    style.bold(`${name}@${id}`),
    ...ids.filter((each) => each !== id).map((each) => `also     ${each}`),
    `tags     ${tags.join(' ') || 'none'}`,
    `content  ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(total)}`,
    ...files.map(
      (file) =>
        `         sha256:${file.sha256.slice(0, 12)}…  ${formatBytes(file.sizeBytes).padStart(9)}  ${style.plain(file.path)}`,
    ),
    `claimed  ${claims.length} ${claims.length === 1 ? 'claim' : 'claims'}, not verified here`,
    ...claims.map(
      (claim) =>
        `         ${claim.bundle}  ${style.plain(claim.predicateType ?? 'unreadable')}${claim.own ? '' : style.dim('  of an ancestor')}`,
    ),
    `logged   ${log.length} ${log.length === 1 ? 'entry' : 'entries'}`,
    ...log.map(
      ({ index, leaf }) =>
        `         ${String(index).padStart(6)}  ${leaf.kind}${leaf.env === undefined ? '' : ` ${style.plain(leaf.env)}`}  ${leaf.bundle.slice(0, 19)}…`,
    ),
    style.dim(`verify it with \`weighmark verify ${name}@${id}\``),
  ];
}
