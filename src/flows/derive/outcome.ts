import type { Plan } from '../../domain/derive/plan.ts';
import type { Settings } from '../../domain/derive/settings.ts';
import { isAtLeast, weakest, type DeriveStep, type TensorVerdict, type Word } from '../../domain/derive/verdict.ts';
import { counted } from '../../domain/base/units.ts';
import { checkOf, verdictOf, type Evidence, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import type { Opened } from './side.ts';

/** What is asked of the tensors, whatever the step. */
export interface Asked {
  readonly child: { readonly shown: string };
  readonly parent: { readonly shown: string };
  readonly step?: DeriveStep;
  /** The weakest word that passes; default `bounded`. */
  readonly atLeast?: Word;
}

export interface DeriveOutcome {
  readonly child: string;
  readonly parent: string;
  /** As stated, else as the sides show it. */
  readonly step: DeriveStep;
  readonly word: Word;
  readonly tensors: readonly TensorVerdict[];
  readonly missing: readonly string[];
  readonly dropped: readonly string[];
  /** Of the converter's table, where it was used. */
  readonly source?: string;
  /** Values of config.json that the recomputation depends on. */
  readonly settings?: Settings;
  readonly verdict: Verdict;
}

/** What every verdict of this command says, whatever it is. */
export const PROVES =
  'this proves that the child is the honest outcome of that step on that parent, never that the parent is benign';

/** A step may promise more than the numbers show: resharding keeps every byte, a cast writes plain types. */
function broken(step: DeriveStep, { word, dtype }: TensorVerdict): string | null {
  if (step === 'reshard' && word !== 'equal') return 'resharding keeps every tensor as it is';
  if (step === 'cast' && !/^(F|BF|I|U|BOOL)/.test(dtype)) return 'a cast does not quantise';
  return null;
}

export interface Compared {
  readonly plan: Plan;
  readonly tensors: readonly TensorVerdict[];
  readonly step: DeriveStep;
  readonly settings?: Settings;
}

/** The verdict of tensors that were compared. */
export function outcomeOf(asked: Asked, { plan, tensors, step, settings }: Compared): DeriveOutcome {
  const judged = tensors.map((tensor): TensorVerdict => {
    const why = broken(step, tensor);
    return why === null || !isAtLeast(tensor.word, 'bounded')
      ? tensor
      : { ...tensor, word: 'not from the parent', why };
  });
  const lost = plan.missing.length > 0 ? (['not from the parent'] as const) : [];
  const word = weakest([...judged.map((tensor) => tensor.word), ...lost]);
  return {
    child: asked.child.shown,
    parent: asked.parent.shown,
    step,
    word,
    tensors: judged,
    missing: plan.missing,
    dropped: plan.dropped,
    ...(plan.source === undefined ? {} : { source: plan.source }),
    ...(settings === undefined ? {} : { settings }),
    verdict: verdictFor(asked, { word, tensors: judged, missing: plan.missing, step }),
  };
}

function verdictFor(
  asked: Asked,
  {
    word,
    tensors,
    missing,
    step,
  }: { word: Word; tensors: readonly TensorVerdict[]; missing: readonly string[]; step: DeriveStep },
): Verdict {
  const atLeast = asked.atLeast ?? 'bounded';
  const findings: Finding[] = [
    ...tensors.filter((tensor) => !isAtLeast(tensor.word, atLeast)).map((tensor) => findingFor(tensor, atLeast)),
    ...missing.map((name): Finding => ({
      code: 'not-derived',
      message: `${name} of the parent is not in the child`,
      subject: name,
    })),
  ];
  const evidence: Evidence[] =
    isAtLeast(word, 'bounded') && tensors.length > 0
      ? [
          {
            what: `${counted(tensors.length, 'tensor')}: ${word} (${step} of ${asked.parent.shown})`,
            data: { word, step },
          },
        ]
      : [];
  const none: Finding[] =
    tensors.length === 0 ? [{ code: 'derivation-undecided', message: 'there is no tensor to compare' }] : [];
  return verdictOf({
    subject: asked.child.shown,
    checks: [checkOf('derivation', evidence, [...findings, ...none])],
    notes: [PROVES],
    notAsked: ['signatures', 'lineage', 'policy', 'scan'],
  });
}

function findingFor({ name, word, why, where }: TensorVerdict, atLeast: Word): Finding {
  const place = where === undefined ? '' : `, row ${where.row}, block ${where.block}`;
  return {
    code: word === 'undecided' ? 'derivation-undecided' : 'not-derived',
    message: `${name} is ${word}${word === 'not from the parent' || word === 'undecided' ? '' : `, not ${atLeast}`}${why === undefined ? '' : `: ${why}`}${place}`,
    subject: name,
  };
}

/** The verdict where nothing could be compared, and why. */
export function undecided(asked: Asked, child: Opened, why: string): DeriveOutcome {
  const step = asked.step ?? 'convert';
  const finding: Finding = { code: 'derivation-undecided', message: why };
  return {
    child: asked.child.shown,
    parent: asked.parent.shown,
    step,
    word: 'undecided',
    tensors: child.tensors.map(({ tensor }) => ({
      name: tensor.name,
      word: 'undecided',
      dtype: tensor.dtype,
      from: [],
      how: [],
      why,
    })),
    missing: [],
    dropped: [],
    verdict: verdictOf({ subject: asked.child.shown, checks: [checkOf('derivation', [], [finding])], notes: [PROVES] }),
  };
}
