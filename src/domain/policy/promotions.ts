import type { VerifiedClaim } from '../claims/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import type { Code } from '../base/errors.ts';
import { undecided, type Evidence, type Finding } from '../base/verdict.ts';
import { actKey, firstPlaces } from '../authority/copies.ts';
import { saysNo } from '../authority/polarity.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { bindingOf } from '../claims/binding.ts';
import { isOwnId, type Case } from './facts.ts';
import { isVoid, silenceOf, unreadFinding } from './unread.ts';
import { promotedUnder } from './promoted-under.ts';
import { unconfirmed } from './required.ts';
import { ageStart, clockDisagrees, daysOf, verifiedTime } from '../authority/time.ts';
import { BREAK_GLASS_ROLE, PROMOTER_ROLE, type Environment } from '../authority/types.ts';
import { readPromotion, resourceUri, type Promotion } from '../authority/vsa.ts';

/** The promotion that holds for a name in an environment. */
export interface Current {
  readonly entry: LogEntry;
  readonly claim: VerifiedClaim;
  readonly promotion: Promotion;
  /** `sha256:<hex>` of what is promoted. */
  readonly id: string;
  readonly principal: string;
}

/** The newest counting entry for the environment, or why there is none. */
export type Newest = { readonly current: Current } | { readonly finding: Finding };

const BREAK_GLASS_MS = 24 * 3_600_000;

/**
 * The newest promotion entry whose bundle a promoter of the policy signed (rules 16, 17). Entries by others are nobody's
 * and passed over, and so is a promotion that is not understood; what is missing, or might be a withdrawal, refuses.
 */
export function newestPromotion(of: Case, environment: Environment): Newest {
  for (const entry of entriesFor(of, environment)) {
    const read = readEntry(of, entry, environment);
    if (read !== null) return unlessWithdrawn(of, read, environment);
  }
  const nothing = about(of, 'not-promoted', `nothing of ${of.facts.name} is promoted to ${environment.name}`, {});
  const enter = `weighmark promote ${of.facts.name}@${of.facts.id} --env ${environment.name}`;
  return { finding: { ...nothing, hint: `\`${enter}\` lets it in, once it may; \`${enter} --dry-run\` says whether` } };
}

/** A withdrawal counts wherever it lies and before it is logged, as a revocation does: who may delete an entry that waits undoes none. */
function unlessWithdrawn(of: Case, newest: Newest, environment: Environment): Newest {
  if ('finding' in newest || !newest.current.promotion.passed) return newest;
  for (const claim of unplacedWithdrawals(of, environment)) {
    const said = withdrawalIn(of, claim, {
      environment,
      saying: `signed a summary for ${environment.name}, not logged as one,`,
    });
    if (said !== null)
      return { finding: 'finding' in said ? said.finding : withdrawnFinding(of, said.by, environment) };
  }
  return newest;
}

function withdrawnFinding(of: Case, by: string, { name }: Environment): Finding {
  const { facts } = of;
  const message = `${facts.name} was withdrawn from ${name} by ${by}; the log does not have that as a withdrawal (yet)`;
  const hint = `\`weighmark log integrate\` logs what waits; \`weighmark promote ${facts.name}@${facts.id} --env ${name}\` promotes it once more, upon that`;
  return { ...about(of, 'not-promoted', message, { environment: name }), hint };
}

/**
 * What withdraws from this place and that no entry of it says. Whoever promotes names it, and so knew of it; what is logged is
 * judged in its place, and no copy of it says it anew.
 */
export function unplacedWithdrawals(of: Case, environment: Environment): readonly VerifiedClaim[] {
  const found = of.facts.claims.filter((claim) => mayWithdraw(of, claim, environment));
  if (found.length === 0) return [];
  const logged = placesIn(of, environment).map(({ leaf }) => leaf.bundle.slice('sha256:'.length));
  const known = promotionHistory(of, environment).flatMap(({ promotion }) => promotion.inputs);
  const settled = new Set([...logged, ...known].flatMap((bundle) => of.index.byBundle(bundle) ?? []).map(actKey));
  return found.filter((claim) => !settled.has(actKey(claim)));
}

/** One that does not say from where is asked about if it is about this very artifact. */
function mayWithdraw(of: Case, claim: VerifiedClaim, environment: Environment): boolean {
  if (claim.statement.predicateType !== PREDICATES.promotion || !saysNo(claim.statement)) return false;
  const uri = claim.statement.predicate['resourceUri'];
  return typeof uri === 'string'
    ? uri === expectedUri(of, environment)
    : of.about.some((each) => each.claim.bundle === claim.bundle);
}

/** The newest entry where it leaves open what is promoted: then nothing can be built upon it, nor gone back over it. */
export function openPromotion(of: Case, environment: Environment): readonly Finding[] {
  const newest = newestPromotion(of, environment);
  return 'finding' in newest && OPEN.includes(newest.finding.code) ? [newest.finding] : [];
}

const OPEN: readonly Code[] = ['promotion-unreadable', 'signer-unverifiable', 'denial-unconfirmed', 'claim-missing'];

/** All counting entries of an environment, newest first: what was promoted, withdrawn, and rolled back. */
export function promotionHistory(of: Case, environment: Environment): readonly Current[] {
  return entriesFor(of, environment).flatMap((entry) => {
    const read = readEntry(of, entry, environment);
    return read !== null && 'current' in read ? [read.current] : [];
  });
}

/**
 * Newest first. What is logged again, as it was or wrapped anew, is not said again: its first place counts, by the copy with which
 * all is in order.
 */
function entriesFor(of: Case, environment: Environment): readonly LogEntry[] {
  const entries = placesIn(of, environment);
  const claimOf = ({ leaf }: LogEntry) => of.index.byBundle(leaf.bundle.slice('sha256:'.length));
  const oldestFirst = entries
    .filter((entry) => !isMisplaced(entry, claimOf(entry)))
    .toSorted((a, b) => a.index - b.index);
  const [known, unknown] = [new Map<LogEntry, VerifiedClaim>(), new Map<string, LogEntry>()];
  for (const entry of oldestFirst) {
    const claim = claimOf(entry);
    if (claim !== null) known.set(entry, claim);
    else if (!unknown.has(entry.leaf.bundle)) unknown.set(entry.leaf.bundle, entry);
  }
  const said = firstPlaces([...known], ([, claim]) => claim).map(({ first: [{ index }], copies }) => {
    const [{ leaf }] = copies.find(([, { onlyNo }]) => onlyNo === undefined) ?? copies[0];
    return { index, leaf };
  });
  return [...said, ...unknown.values()].toSorted((a, b) => b.index - a.index);
}

function placesIn({ facts }: Case, environment: Environment): readonly LogEntry[] {
  return facts.log.promotions.filter(({ leaf }) => leaf.env === environment.name && leaf.name === facts.name);
}

/** Whoever may push can log a promotion as one of something else: that place is none of its. A withdrawal is for a name. */
function isMisplaced({ leaf }: LogEntry, claim: VerifiedClaim | null): boolean {
  if (claim === null || saysNo(claim.statement)) return false;
  const binding = bindingOf(claim);
  return binding.kind !== 'one' || `sha256:${binding.digest}` !== leaf.manifest;
}

/** Null for an entry that counts for nothing: by a signer who may not promote, or not saying what its leaf says. */
function readEntry(of: Case, entry: LogEntry, environment: Environment): Newest | null {
  const bundle = entry.leaf.bundle.slice('sha256:'.length);
  const claim = of.index.byBundle(bundle);
  if (claim === null) return unreadEntry(of, entry, environment);
  if (claim.statement.predicateType !== PREDICATES.promotion) return null;
  return saysNo(claim.statement)
    ? readWithdrawal(of, { entry, claim }, environment)
    : readPromoted(of, { entry, claim }, environment);
}

function unreadEntry(of: Case, entry: LogEntry, environment: Environment): Newest | null {
  const { log } = of.facts;
  const bundle = entry.leaf.bundle.slice('sha256:'.length);
  if (log.strangers.has(bundle) || isVoid(silenceOf(of), entry)) return null;
  const unread = log.unread?.find((each) => each.bundle === bundle);
  const about = `the log's promotion for ${environment.name} (entry ${entry.index})`;
  if (unread !== undefined) {
    const finding = unreadFinding(silenceOf(of), { ...unread, entry }, about, 'promotion-unreadable');
    return finding === null ? null : { finding };
  }
  return refused(of, 'claim-missing', `${about} cannot be read here`, { bundle: entry.leaf.bundle });
}

interface Logged {
  readonly entry: LogEntry;
  readonly claim: VerifiedClaim;
}

function readPromoted(of: Case, { entry, claim }: Logged, environment: Environment): Newest | null {
  const identity = of.authority.who(claim.signer);
  const roles = of.authority.rolesOf(claim, of.facts.name).map(({ name }) => name);
  const promotion = readPromotion(claim.statement);
  if (
    claim.onlyNo !== undefined &&
    isOwnId(of, entry.leaf.manifest) &&
    promotion?.resourceUri === expectedUri(of, environment)
  )
    return lapsedPromotion(of, claim, claim.onlyNo);
  if (typeof identity === 'string' || promotion === null) return null;
  if (!roles.includes(promotion.breakGlass ? BREAK_GLASS_ROLE : PROMOTER_ROLE)) return null;
  if (promotion.resourceUri !== expectedUri(of, environment)) return null;
  return { current: { entry, claim, promotion, id: entry.leaf.manifest, principal: identity.principal.name } };
}

/** Of this very artifact: why it does not count. What another was promoted by so is no reason against this one. */
function lapsedPromotion(of: Case, claim: VerifiedClaim, why: Finding): Newest | null {
  if (!of.authority.denialRolesOf(claim, of.facts.name).includes(PROMOTER_ROLE)) return null;
  const message = `its promotion is by ${of.authority.nameOf(claim)} and does not count: ${why.message}`;
  return { finding: { ...why, message, subject: of.facts.id } };
}

function readWithdrawal(of: Case, { entry, claim }: Logged, environment: Environment): Newest | null {
  const said = withdrawalIn(of, claim, {
    environment,
    saying: `logged a summary for ${environment.name} (entry ${entry.index})`,
  });
  if (said === null || 'finding' in said) return said;
  return { current: { entry, claim, promotion: said.promotion, id: entry.leaf.manifest, principal: said.by } };
}

type Withdrawal = { readonly promotion: Promotion; readonly by: string } | { readonly finding: Finding };

/** Whatever it says besides, a withdrawal for this name and environment withdraws; one that says less than it must is open. */
function withdrawalIn(
  of: Case,
  claim: VerifiedClaim,
  { environment, saying }: { readonly environment: Environment; readonly saying: string },
): Withdrawal | null {
  const { predicate } = claim.statement;
  const uri = predicate['resourceUri'];
  const revoked = of.revocations.ofClaim(claim);
  if (typeof uri === 'string' && uri !== expectedUri(of, environment)) return null;
  if (revoked?.kind === 'claim') return null;
  const roles = of.authority.denialRolesOf(claim, of.facts.name);
  const promotion = readPromotion(claim.statement);
  if (!roles.includes(promotion?.breakGlass === true ? BREAK_GLASS_ROLE : PROMOTER_ROLE)) return null;
  const by = of.authority.nameOf(claim) ?? '';
  if (promotion === null) {
    const message = `${by} ${saying} that is no pass and cannot be read`;
    return {
      finding: undecided({
        ...about(of, 'promotion-unreadable', message, { claim: `sha256:${claim.bundle}` }),
        hint: LIFT,
      }),
    };
  }
  return revoked === null
    ? { promotion, by }
    : { finding: unconfirmed(of, { claim, by, roles, lost: revoked }, `withdrew it from ${environment.name}`) };
}

const LIFT =
  'a revoker lifts it with `weighmark revoke --claim`; a promoter withdraws with `weighmark rollback --to none`';

function expectedUri({ facts }: Case, environment: Environment): string {
  return resourceUri({ origin: facts.log.origin, name: facts.name, environment: environment.name });
}

/**
 * Is this very id what is promoted there, under this policy, and still (rule 16)? With `lasting`, a broken glass does not
 * do: it never satisfies `after` (rule 13).
 */
export function checkPromoted(
  of: Case,
  environment: Environment,
  options: { lasting: boolean },
): {
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  readonly claim: VerifiedClaim | null;
} {
  const newest = newestPromotion(of, environment);
  if ('finding' in newest) return { evidence: [], findings: [newest.finding], claim: null };
  const { current } = newest;
  const finding = problemWith(of, current, environment, options.lasting);
  if (finding !== null) return { evidence: [], findings: [finding], claim: current.claim };
  const when = verifiedTime(current.claim);
  const under = promotedUnder(of, current.promotion, options.lasting);
  const grace = 'until' in under ? `, under an earlier policy that counts until ${under.until.slice(0, 10)}` : '';
  const what = `promoted to ${environment.name} by ${current.principal}, log entry ${current.entry.index}${when === null ? '' : `, ${new Date(when).toISOString()}`}${grace}`;
  const data = {
    environment: environment.name,
    principal: current.principal,
    index: current.entry.index,
    bundle: `sha256:${current.claim.bundle}`,
    breakGlass: current.promotion.breakGlass,
  };
  return {
    evidence: [{ what: current.promotion.breakGlass ? `${what}, BREAK-GLASS` : what, data }],
    findings: [],
    claim: current.claim,
  };
}

function problemWith(of: Case, current: Current, environment: Environment, lasting: boolean): Finding | null {
  const { promotion, claim, id } = current;
  const facts = { environment: environment.name, entry: String(current.entry.index) };
  const withdrawn = !promotion.passed || promotion.environment !== environment.name;
  const revoked = of.revocations.ofClaim(claim);
  const before = problemBefore(of, current, environment);
  if (before !== null) return before;
  if (withdrawn) return about(of, 'not-promoted', `${of.facts.name} was withdrawn from ${environment.name}`, facts);
  if (!isOwnId(of, id))
    return about(of, 'not-promoted', `another version of ${of.facts.name} is promoted to ${environment.name}`, {
      ...facts,
      promoted: id,
    });
  if (revoked !== null) return about(of, 'revoked', `its promotion no longer counts: ${revoked.reason}`, facts);
  const under = promotedUnder(of, promotion, lasting);
  if ('code' in under) return { ...under, facts: { ...facts, ...under.facts } };
  if (promotion.breakGlass)
    return lasting
      ? about(
          of,
          'not-promoted',
          `${environment.name} was entered by breaking the glass, which counts for nothing further`,
          facts,
        )
      : breakGlassProblem(of, claim, facts);
  return clockDisagrees(claim, 'promotion', of.facts.now) ?? ageProblem(of, claim, environment, facts);
}

/**
 * It must know of the entry before it, and that be here. One that is not might be a withdrawal, taken away so that what was promoted
 * before could be logged anew; and that its bundle is named proves nothing: a promotion names more than the one before it.
 */
function problemBefore(of: Case, { entry, promotion }: Current, environment: Environment): Finding | null {
  for (const earlier of entriesFor(of, environment).filter(({ index }) => index < entry.index)) {
    const read = readEntry(of, earlier, environment);
    if (read === null || ('finding' in read && read.finding.code !== 'claim-missing')) continue;
    if ('finding' in read) return { ...read.finding, hint: promotedOnceMore(of, environment) };
    if (promotion.inputs.includes(read.current.claim.bundle)) return null;
    return about(
      of,
      'claim-conflict',
      `the newest promotion to ${environment.name} does not know of the one before it: it was held back, or two were made at once`,
      { environment: environment.name, entry: String(entry.index) },
    );
  }
  return null;
}

function promotedOnceMore({ facts }: Case, { name }: Environment): string {
  return `bring its bundle back; or, if it may be there: \`weighmark promote ${facts.name}@${facts.id} --env ${name}\` promotes it once more, upon what is here`;
}

/** A broken glass is whole again 24 hours after its verified time; without one it never was broken (rule 13). */
function breakGlassProblem(of: Case, claim: VerifiedClaim, facts: Readonly<Record<string, string>>): Finding | null {
  const time = verifiedTime(claim);
  if (time === null)
    return about(of, 'no-verified-time', 'nobody but its signer says when the glass was broken', facts);
  const age = of.facts.now.getTime() - time;
  return age > BREAK_GLASS_MS
    ? about(of, 'promotion-expired', `the glass was broken ${daysOf(age)} ago; 24 h are allowed`, facts)
    : null;
}

function ageProblem(
  of: Case,
  claim: VerifiedClaim,
  { maxAgeMs }: Environment,
  facts: Readonly<Record<string, string>>,
): Finding | null {
  if (maxAgeMs === undefined) return null;
  const start = ageStart(claim);
  if (start === null) return about(of, 'no-verified-time', 'nobody but its signer says when it was promoted', facts);
  const age = of.facts.now.getTime() - start;
  return age > maxAgeMs
    ? about(of, 'promotion-expired', `it was promoted ${daysOf(age)} ago; ${daysOf(maxAgeMs)} are allowed`, facts)
    : null;
}

function about(of: Case, code: Finding['code'], message: string, facts: Readonly<Record<string, string>>): Finding {
  return { code, message, subject: of.facts.id, facts };
}

function refused(
  of: Case,
  code: Finding['code'],
  message: string,
  facts: Readonly<Record<string, string>> = {},
): Newest {
  return { finding: about(of, code, message, facts) };
}
