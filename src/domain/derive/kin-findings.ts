import type { Finding } from '../base/verdict.ts';
import { isKin, type Kinship } from './kin.ts';

/** A possible base, compared. */
export interface Judged {
  readonly against: string;
  readonly declared: boolean;
  /** A hub or a registry has a name for it: a folder may be called anything. */
  readonly isNamed: boolean;
  readonly kinship?: Kinship;
  readonly why?: string;
}

export interface KinFacts {
  /** What the model says it was made of. */
  readonly declared: readonly string[];
  readonly candidates: readonly Judged[];
  /** By candidate: the cosine of what the model and it differ from a declared base that the model is kin to. */
  readonly unexplained: ReadonlyMap<string, number>;
}

/** From here on what a model differs from its declared base comes from the other one: merges have 0.7 to 1, siblings about 0. */
const POINTS_TO = 0.5;

/** What is wrong or open. None: the model is kin to one of them, and what it declares does not say otherwise. */
export function judgeKin({ declared, candidates, unexplained }: KinFacts): readonly Finding[] {
  const kin = candidates.filter(({ kinship }) => kinship !== undefined && isKin(kinship));
  const contradicted = candidates
    .filter((each) => each.declared && each.kinship?.word === 'not kin')
    .map(contradiction);
  const undeclared = kin.filter((each) => !each.declared && isUndeclared(each, { declared, candidates, unexplained }));
  const inputs = undeclared.map((each) => undeclaredInput(each, declared));
  const open = candidates.filter(({ kinship }) => kinship === undefined || kinship.word === 'not comparable');
  if (kin.length > 0) return [...contradicted, ...inputs];
  if (contradicted.length > 0) return contradicted;
  return open.length > 0 || candidates.length === 0 ? open.map(undecidedOf) : [notKin(candidates)];
}

/**
 * A base that is not named in the model though others are. Where a declared one is kin, its own ancestors and descendants are
 * too: only what the model differs from it tells. Where none of the declared is at hand, one that goes by a name of its own is
 * another one; a folder may be the declared one under any name.
 */
function isUndeclared({ against, isNamed }: Judged, { declared, candidates, unexplained }: KinFacts): boolean {
  if (declared.length === 0) return false;
  const known = candidates.filter((each) => each.declared && each.kinship !== undefined);
  if (known.some(({ kinship }) => kinship !== undefined && isKin(kinship)))
    return (unexplained.get(against) ?? 0) >= POINTS_TO;
  return known.some(({ kinship }) => kinship?.word === 'not kin') || isNamed;
}

function contradiction({ against, kinship }: Judged): Finding {
  const share = Math.round((kinship?.compared ?? 0) * 100);
  return {
    code: 'base-contradicted',
    message: `the model says it was made of ${against}, and its weights are not: ${share} % of what can tell was compared, and nothing is alike`,
    subject: against,
  };
}

function undeclaredInput({ against }: Judged, declared: readonly string[]): Finding {
  return {
    code: 'undeclared-input',
    message: `the model shares weights with ${against}, and says it was made of ${declared.join(', ')}`,
    subject: against,
    hint: 'if one of those was made of it, compare with that one too: `--against`',
  };
}

function notKin(candidates: readonly Judged[]): Finding {
  return {
    code: 'not-kin',
    message: `the model shares no weights with ${candidates.map(({ against }) => against).join(', ')}`,
  };
}

function undecidedOf({ against, kinship, why }: Judged): Finding {
  const share = Math.round((kinship?.compared ?? 0) * 100);
  return {
    code: 'kinship-undecided',
    message: `${against} could not be compared: ${why ?? `only ${share} % of the model's weights have a counterpart of their shape`}`,
    subject: against,
  };
}
