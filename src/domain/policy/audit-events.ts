import { findingsOf, type Verdict } from '../base/verdict.ts';

/** What one round of an audit found at one place; kept between rounds to tell changes. */
export interface AuditState {
  readonly place: string;
  readonly id: string | null;
  readonly outcome: Verdict['outcome'];
  readonly codes: readonly string[];
}

export interface AuditEvent {
  readonly event: 'appeared' | 'changed' | 'failed' | 'recovered' | 'disappeared';
  readonly place: string;
  readonly id: string | null;
  readonly codes: readonly string[];
}

export function auditState(place: string, id: string | null, verdict: Verdict): AuditState {
  return {
    place,
    id,
    outcome: verdict.outcome,
    codes: [...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted(),
  };
}

/** What is different since the round before, in the order of the new round. */
export function auditEvents(before: readonly AuditState[], after: readonly AuditState[]): readonly AuditEvent[] {
  const old = new Map(before.map((state) => [state.place, state]));
  const now = new Set(after.map(({ place }) => place));
  const changes = after.flatMap((state) => {
    const event = eventOf(old.get(state.place), state);
    return event === null ? [] : [{ event, place: state.place, id: state.id, codes: state.codes }];
  });
  const gone = before
    .filter(({ place }) => !now.has(place))
    .map(({ place, id }): AuditEvent => ({ event: 'disappeared', place, id, codes: [] }));
  return [...changes, ...gone];
}

function eventOf(before: AuditState | undefined, { id, outcome, codes }: AuditState): AuditEvent['event'] | null {
  if (before === undefined) return outcome === 'verified' ? 'appeared' : 'failed';
  if (before.outcome === 'verified' && outcome !== 'verified') return 'failed';
  if (before.outcome !== 'verified' && outcome === 'verified') return 'recovered';
  return before.id !== id || before.codes.join() !== codes.join() ? 'changed' : null;
}
