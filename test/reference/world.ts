/** A model or dataset. Known by its id, by its root, and if it is a single file by that file's digest. */
export interface Thing {
  readonly key: string;
  readonly name: string;
  readonly single: boolean;
}

/** How somebody named a thing: by either of its ids, the digest of one file in it, or its root. */
export type By = 'id' | 'id2' | 'file' | 'root';

export interface Input {
  readonly thing: string;
  readonly by: By;
  readonly role: 'dataset' | 'base-model' | 'code' | null;
}

export type Target =
  | { readonly kind: 'thing'; readonly thing: string; readonly by: By }
  | { readonly kind: 'content'; readonly content: string }
  | { readonly kind: 'person'; readonly person: string; readonly since: number };

export type What =
  | { readonly kind: 'train' | 'fine-tune' | 'quantize' | 'preprocess'; readonly inputs: readonly Input[] }
  | { readonly kind: 'describe' }
  | { readonly kind: 'bom'; readonly component: 'data' | 'model' }
  | { readonly kind: 'evaluate'; readonly passed: boolean }
  | { readonly kind: 'approve'; readonly env: string }
  | {
      readonly kind: 'promote';
      readonly env: string;
      readonly passed: boolean;
      readonly policy: number;
      /** Bundles it rests on. */
      readonly knows: readonly string[];
    }
  | { readonly kind: 'revoke' | 'reinstate'; readonly target: Target };

/** One signature over one statement. */
export interface Say {
  /** Of the bundle: no two have the same. */
  readonly bundle: string;
  /** Of what was signed: the same for copies and for others who sign the same. */
  readonly content: string;
  readonly by: string;
  readonly about: string;
  /** By which digest the statement names what it is about; a root alone binds nothing. */
  readonly as: 'id' | 'id2' | 'file';
  /**
   * `lapsed`: their certificate expired, so that it says no and never yes. Logged and `unread`: theirs, and not understood;
   * `unproven`: it says that it is theirs, and nothing here proves it.
   */
  readonly state: 'fine' | 'lapsed' | 'unread' | 'unproven';
  /** It names something else as well. */
  readonly also: boolean;
  /** Verified time, in milliseconds. */
  readonly at: number | null;
  readonly log: number | null;
  /** Logged, but the registry does not hold it. */
  readonly lost: boolean;
  readonly what: What;
}

export interface Env {
  readonly name: string;
  readonly after: string | null;
  readonly require: readonly ('bom' | 'evaluate')[];
  readonly approvals: number;
  readonly approvalAge: number | null;
  readonly separation: readonly (readonly string[])[];
  readonly lineage: { readonly required: boolean; readonly depth: number; readonly age: number | null };
  readonly age: number | null;
  readonly reinstate: number;
}

export interface World {
  readonly now: number;
  /** What is asked about: thing and name. */
  readonly asked: string;
  readonly askedAs: 'id' | 'id2';
  readonly name: string;
  readonly things: readonly Thing[];
  readonly says: readonly Say[];
  readonly policy: {
    readonly version: number;
    /** Versions that ask for the same in other words, as the registry shows. */
    readonly sameAs: readonly number[];
    /** A version whose promotions count for a while where they are. */
    readonly accepts: { readonly version: number; readonly until: number } | null;
    readonly expires: number;
    readonly people: readonly string[];
    /** Who said no once and is heard on; null: in every role. */
    readonly former: readonly {
      readonly person: string;
      readonly until: number;
      readonly roles: readonly string[] | null;
    }[];
    /** Role → people, and the names it is for; null: all. */
    readonly roles: Readonly<
      Record<string, { readonly people: readonly string[]; readonly names: readonly string[] | null }>
    >;
    /** Who was there, and in which roles, under the policy before; null: there is none that is known. */
    readonly before: Pick<World['policy'], 'people' | 'roles'> | null;
    readonly leaves: readonly {
      readonly thing: string;
      readonly by: By;
      readonly role: string;
      readonly expires: number;
    }[];
    readonly envs: readonly Env[];
  };
}
