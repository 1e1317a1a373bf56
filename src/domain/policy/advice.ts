/** Something `policy lint` says. */
export interface Advice {
  /** Where in the policy, as a person would point. */
  readonly place: string;
  readonly message: string;
  /** Nothing can satisfy it: the policy asks for what nobody can give. */
  readonly never?: true;
}
