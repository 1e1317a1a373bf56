import type { FormatId, NamedSource } from '../../formats/types.ts';
import type { Setting, Spot } from '../session.ts';

/** Judges content as one format. False if it turned out not to be of this format after all. */
export type Judge = (spot: Spot, file: NamedSource, how: JudgeOptions) => Promise<boolean>;

export interface JudgeOptions {
  /** The format it is judged as: several may share a judge. */
  readonly format: FormatId;
  readonly setting: Setting;
}
