import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { LogEntry, LogLeaf } from '../../domain/tlog/leaf.ts';
import type { LogQuery } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { noteText } from '../../domain/tlog/note.ts';
import type { QuorumResult } from '../../domain/tlog/quorum.ts';
import { ABSENT, type Actor } from '../../domain/authority/actor.ts';
import { actorsOf } from '../../flows/watch/log-actors.ts';
import {
  integrateLog,
  proveLogged,
  showLog,
  verifyLog,
  verifyProofFile,
  type Integrated,
  type LogHead,
  type LogShown,
} from '../../flows/registry/log.ts';
import type { Register, Report, Run, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { doorOf } from '../../flows/registry/door.ts';
import { artifactIn } from '../../flows/registry/known.ts';
import type { AboutIds } from '../../flows/registry/log.ts';
import { followTags } from '../../flows/registry/integrating.ts';
import type { Waiting } from '../../domain/tlog/door.ts';
import {
  addPolicyOptions,
  openForWriting,
  openUnder,
  policyFrom,
  policyIsNamed,
  verificationUnder,
  type PolicyOptions,
} from '../policy-options.ts';
import { addLogOptions, openArtifact, openRegistry } from '../registry-options.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';
import { actorText, strangersLine, timeColumn } from '../views/actor.ts';
import { signedJson } from '../views/signed.ts';

interface Options extends PolicyOptions {
  readonly witnessPolicy?: string;
  readonly last?: string;
  readonly kind?: string;
  readonly reason?: string;
}

const KINDS: readonly LogLeaf['kind'][] = ['push', 'claim', 'promotion', 'revocation'];

/** `log show|verify|prove|integrate`. */
export const register: Register = (program, run) => {
  const log = program.command('log').description("the registry's transparency log");
  addShow(log, run);
  addVerify(log, run);
  addProve(log, run);
  addIntegrate(log, run);
  addVoid(log, run);
};

function addShow(log: Command, run: Run): void {
  addPolicyOptions(log.command('show'))
    .description(
      'show what is logged, proven under the signed checkpoint, and who is behind it, verified under the policy or the trust store',
    )
    .argument('[ref]', 'only entries about this artifact, or this NAME')
    .option('--kind <kind>', `only entries of a kind: ${KINDS.join(', ')}`)
    .option('--last <n>', 'only the newest n entries')
    .action(
      run(async (context, ref: string | undefined, options: Options) => {
        const { registry, ...asked } = await questionOf(context, ref, options);
        const last = options.last === undefined ? {} : { last: wholeNumber(options.last) };
        const shown = await showLog(asked.query === undefined ? last : asked, registry);
        const entries = options.last === undefined ? shown.entries : shown.entries.slice(-wholeNumber(options.last));
        const leaves = [...entries.map(({ leaf }) => leaf), ...shown.pending];
        return showReport(
          { ...shown, entries },
          await actorsOf(leaves, registry, await verificationUnder(context, options)),
        );
      }),
    );
}

function addVerify(log: Command, run: Run): void {
  addLogOptions(log.command('verify'))
    .description('read and prove the whole log; or verify a proof file, offline')
    .argument('[proof]', 'a .tlog-proof file')
    .option('--witness-policy <file>', 'C2SP tlog-policy whose quorum must have cosigned')
    .action(
      run(async (context, proof: string | undefined, options: Options) => {
        const witnessPolicy = await witnessPolicyOf(context, options);
        if (proof === undefined)
          return verifyReport(await verifyLog(witnessPolicy, await openRegistry(context, options)));
        const text = noteText(await (await context.files()).read(resolve(context.cwd, proof), LIMITS.configBytes));
        const vkeys = options.logVkey ?? (await knownKeys(context, options));
        const proven = verifyProofFile(text, { vkeys, ...witnessPolicy });
        return {
          exitCode: 0,
          json: {
            origin: proven.origin,
            index: proven.index,
            size: proven.size,
            entry: { ...proven.leaf },
            quorum: proven.quorum,
          },
          text: (style) => ({
            out: `verified   entry ${proven.index} of ${proven.size} in ${style.plain(proven.origin)}\n${entryLine({ index: proven.index, leaf: proven.leaf }, style)}\n${quorumLine(proven.quorum, style)}VERIFIED: it is logged\n`,
          }),
        };
      }),
    );
}

function addProve(log: Command, run: Run): void {
  addLogOptions(log.command('prove'))
    .description('print a c2sp.org/tlog-proof@v1 of one entry, which verifies offline')
    .argument('<entry>', 'index of the entry, or REF for the newest about it')
    .option('--kind <kind>', `only entries of a kind: ${KINDS.join(', ')}`)
    .action(
      run(async (context, entry: string, options: Options) => {
        const isIndex = /^\d{1,15}$/.test(entry);
        const { registry, query = {}, ...about } = await questionOf(context, isIndex ? undefined : entry, options);
        const { index, proof, leaf } = await proveLogged(
          isIndex ? { index: Number(entry) } : { query, ...about },
          registry,
        );
        return { exitCode: 0, json: { index, entry: { ...leaf }, proof }, text: () => ({ out: proof }) };
      }),
    );
}

function addIntegrate(log: Command, run: Run): void {
  addPolicyOptions(log.command('integrate'))
    .description(
      "for the log's operator: log what waits, and ask witnesses to cosign; without a policy pushes and claims alone",
    )
    .option('--witness-policy <file>', 'C2SP tlog-policy; its witnesses with a URL are asked')
    .action(
      run(async (context, options: Options) => {
        const { witnessPolicy } = await witnessPolicyOf(context, options);
        const loaded = (await policyIsNamed(context, options)) ? await policyFrom(context, options) : null;
        const registry =
          loaded === null ? await openRegistry(context, options) : await openUnder(context, loaded.policy, options);
        const verification = {
          keyless: () => context.keyless(),
          now: context.clock.now(),
          timestampAuthorities: loaded === null ? [] : loaded.policy.timestampAuthorities,
        };
        const door = doorOf({ policy: loaded?.policy ?? null, verification }, registry);
        const integrated = await integrateLog(
          witnessPolicy === undefined ? { door } : { witnessPolicy, door },
          registry,
        );
        await followTags(integrated.added, registry);
        return integrateReport(integrated, loaded !== null);
      }),
    );
}

function addVoid(log: Command, run: Run): void {
  addSignerOptions(addPolicyOptions(log.command('void')))
    .description('as a revoker, declare that an entry never had a bundle; it counts once enough revokers say so')
    .argument('<entry>', 'index of the entry')
    .option('--reason <text>', 'why, for the auditor')
    .action(
      run(async (context, entry: string, options: Options & SignerOptions) => {
        const reason = options.reason?.trim() ?? '';
        if (reason === '') throw new WeighmarkError('usage', 'why? say `--reason TEXT`');
        if (!/^\d{1,15}$/.test(entry)) throw new WeighmarkError('usage', `${entry} is no index of an entry`);
        const { policy } = await policyFrom(context, options);
        const { voidEntry } = await import('../../flows/gate/revoke-again.ts');
        const outcome = await voidEntry(
          { index: Number(entry), reason, policy },
          {
            clock: context.clock,
            keyless: () => context.keyless(),
            registry: openForWriting(context, await openUnder(context, policy, options), policy),
            signer: await signerFrom(context, options),
          },
        );
        const { target, by, bundle, logged } = outcome;
        return {
          exitCode: logged.index === null ? 4 : 0,
          json: { target, reason, ...signedJson({ by, bundle, logged }) },
          text: (style) => ({
            out: `${bundle}\n`,
            err: `${logged.index === null ? style.warn('WAITING for the operator of the log') : style.good('VOID')}: entry ${entry}, says ${style.plain(by)}; ${mostToReinstate(policy)} revokers must\n`,
          }),
        };
      }),
    );
}

function integrateReport(
  { size, added, swept, kept, cosigned, refused, quorum }: Integrated,
  underPolicy: boolean,
): Report {
  const met = quorum === null || quorum.met;
  return {
    exitCode: met ? 0 : 4,
    json: { size, added: added.map(({ index, leaf }) => ({ index, ...leaf })), swept, kept, cosigned, refused, quorum },
    text: (style) => ({
      out: added.map((entry) => `${entryLine(entry, style)}\n`).join(''),
      err: [
        `${added.length} ${added.length === 1 ? 'entry' : 'entries'} added; the log has ${size}`,
        ...swept.map((each) => style.warn(`swept: ${waitingText(each, style)}`)),
        ...kept.map((each) => style.warn(`kept waiting: ${waitingText(each, style)}`)),
        ...(underPolicy
          ? []
          : ['without a policy only pushes and claims are admitted: say `--policy FILE` for the others']),
        ...(cosigned.length > 0 ? [`cosigned by ${style.plain(cosigned.join(', '))}`] : []),
        ...refused.map(({ witness, why }) => style.warn(`${witness} did not cosign: ${why}`)),
        ...(met ? [] : [style.bad('the witness quorum is not met')]),
        '',
      ].join('\n'),
    }),
  };
}

function waitingText({ leaf, why }: Waiting, style: Style): string {
  return `${leaf === null ? 'a tag' : leafText(leaf, style)}: ${style.plain(why)}`;
}

/** A REF asks about one artifact, a bare NAME about all of that name. */
async function questionOf(
  context: Context,
  ref: string | undefined,
  options: Options,
): Promise<AboutIds & { registry: Registry; query?: LogQuery }> {
  const kind = options.kind === undefined ? {} : { kind: kindOf(options.kind) };
  if (ref === undefined)
    return { registry: await openRegistry(context, options), ...(options.kind === undefined ? {} : { query: kind }) };
  if (parseAsked(ref).kind === 'path')
    return { registry: await openRegistry(context, options), query: { name: ref, ...kind } };
  const { registry, place } = await openArtifact(context, ref, options);
  const id = await registry.resolve(place.name, place.reference);
  const ids = (await artifactIn(registry, place.name, id))?.ids ?? [];
  return { registry, query: { name: place.name, ...kind }, ids: [id, ...ids] };
}

/** Without a registry there is no known key, and the flow says so. */
async function knownKeys(context: Context, options: Options): Promise<readonly string[]> {
  const named = context.options.registry || (await context.configuration()).settings.registry;
  return named === undefined ? [] : (await openRegistry(context, options)).log.vkeys;
}

async function witnessPolicyOf(context: Context, options: Options): Promise<{ witnessPolicy?: string }> {
  if (options.witnessPolicy === undefined) return {};
  const bytes = await (await context.files()).read(resolve(context.cwd, options.witnessPolicy), LIMITS.policyBytes);
  return { witnessPolicy: Buffer.from(bytes).toString() };
}

/** @param actors of the entries, then of what waits. */
function showReport(shown: LogShown, actors: readonly Actor[]): Report {
  const { entries, pending, ...head } = shown;
  const at = (index: number) => actors[index] ?? ABSENT;
  const behind = (here: number, style: Style) => `${timeColumn(at(here), style)}  ${actorText(at(here), style)}`;
  return {
    exitCode: 0,
    json: {
      ...head,
      entries: entries.map(({ index, leaf }, here) => ({ index, ...leaf, actor: at(here) })),
      pending: pending.map((leaf, here) => ({ ...leaf, actor: at(entries.length + here) })),
    },
    text: (style) => ({
      err: strangersLine(actors),
      out: [
        ...entries.map((entry, here) => `${entryLine(entry, style)}  ${behind(here, style)}`),
        ...pending.map(
          (leaf, here) => `${'waiting'.padStart(8)}  ${leafText(leaf, style)}  ${behind(entries.length + here, style)}`,
        ),
        `${style.bold(style.plain(head.origin))}: ${head.size} ${head.size === 1 ? 'entry' : 'entries'}${head.root === '' ? '' : `, root ${head.root}`}`,
        ...head.vkeys.filter((vkey) => vkey.length < 300).map((vkey) => `verifier key ${style.plain(vkey)}`),
        '',
      ].join('\n'),
    }),
  };
}

function verifyReport(verified: LogHead & { quorum: QuorumResult | null }): Report {
  return {
    exitCode: 0,
    json: { ...verified },
    text: (style) => ({
      out: [
        `verified   ${verified.size} ${verified.size === 1 ? 'entry' : 'entries'}, every tile, root ${verified.root}`,
        `           signed by ${style.plain(verified.vkeys.map((vkey) => vkey.split('+').slice(0, 2).join('+')).join(', '))}`,
        verified.remembered
          ? '           continues what this user saw before'
          : style.warn('           seen for the first time: a fork or rollback before now cannot be noticed'),
        `${quorumLine(verified.quorum, style)}VERIFIED: the log of ${style.plain(verified.origin)} is whole`,
        '',
      ].join('\n'),
    }),
  };
}

function quorumLine(quorum: QuorumResult | null, style: Style): string {
  if (quorum === null) return '';
  const since = quorum.time === undefined ? '' : `, not before ${new Date(quorum.time * 1000).toISOString()}`;
  return `           cosigned by ${style.plain(quorum.witnesses.join(', ') || 'nobody, and nobody is asked for')}${since}\n`;
}

function entryLine({ index, leaf }: LogEntry, style: Style): string {
  return `${String(index).padStart(8)}  ${leafText(leaf, style)}`;
}

function leafText(leaf: LogLeaf, style: Style): string {
  return `${leaf.kind.padEnd(10)}  ${style.plain(leaf.name)}@${leaf.manifest.slice(0, 19)}…  ${leaf.env === undefined ? '' : `${style.plain(leaf.env)}  `}${style.dim(`${leaf.bundle.slice(0, 19)}…`)}`;
}

function kindOf(text: string): LogLeaf['kind'] {
  const kind = KINDS.find((each) => each === text);
  if (kind !== undefined) return kind;
  throw new WeighmarkError('usage', `${text} is no kind of entry`, { subject: text, hint: `say ${KINDS.join(', ')}` });
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `${text} is not a number of entries`, { subject: text });
}
