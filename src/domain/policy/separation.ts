import type { Finding } from '../base/verdict.ts';
import type { Accepted, Case } from './facts.ts';

/** Role → principals who acted in it for this decision. */
export type Actors = ReadonlyMap<string, ReadonlySet<string>>;

/** Nobody may have acted in two roles that the policy keeps apart (rule 12), under whatever names. */
export function checkSeparation(of: Case, actors: Actors): readonly Finding[] {
  return of.environment.separation.flatMap((roles) => {
    const people = roles.flatMap((role) =>
      [...new Set([...(actors.get(role) ?? [])].map(of.personOf))].map((principal) => ({ role, principal })),
    );
    const shared = people.filter(({ role, principal }) =>
      people.some((other) => other.principal === principal && other.role !== role),
    );
    return [...new Set(shared.map(({ principal }) => principal))].toSorted().map((principal): Finding => ({
      code: 'separation-of-duties',
      message: `${principal} acted as ${shared
        .filter((each) => each.principal === principal)
        .map(({ role }) => role)
        .join(' and ')}`,
      subject: of.facts.id,
    }));
  });
}

/** Actors of the lineage joined with the signers of other claims a decision rests on. */
export function joinActors(lineage: Actors, used: readonly Accepted[], promoter?: string): Actors {
  const actors = new Map([...lineage].map(([role, people]) => [role, new Set(people)]));
  const add = (role: string, principal: string): void =>
    void actors.set(role, (actors.get(role) ?? new Set()).add(principal));
  for (const { roles, principal } of used) for (const role of roles) add(role, principal);
  if (promoter !== undefined) add('promoter', promoter);
  return actors;
}
