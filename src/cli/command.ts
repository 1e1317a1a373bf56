import type { Command } from 'commander';
import type { ExitCode } from '../domain/base/errors.ts';
import type { Context } from './context.ts';

/** What a command leaves to be printed: rendered by `cli/main`, in the format the user asked for. */
export interface Report {
  readonly exitCode: ExitCode;
  /** The exit code of a command that was run on the user's behalf, which passes through instead. */
  readonly childCode?: number;
  /** Without the common fields ($schema, schemaVersion, tool, command, exitCode), which `cli/main` adds. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Lines for people. `out` goes to stdout, `err` to stderr; already styled and made harmless with `Style`. Bytes are UTF-8. */
  readonly text: (style: Style) => { readonly out?: string | Uint8Array; readonly err?: string };
  /** Where a verdict or findings come out. */
  readonly sarif?: () => object;
  readonly junit?: () => string;
  readonly markdown?: () => string;
  /** Other formats the command offers by `--format`: mermaid, dot, html. */
  readonly other?: Readonly<Record<string, () => string>>;
}

/** Colour where the stream allows; every method first makes untrusted text harmless (security rule 26). */
export interface Style {
  plain(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/** Wraps an action: parses common options, runs it, prints the report or the error, sets the exit code. */
export type Run = <A extends unknown[]>(
  action: (context: Context, ...args: A) => Promise<Report>,
) => (...args: A) => Promise<void>;

/** One file in `cli/commands/` exports this as `register`; it adds its command (and sub-commands) to the program. */
export type Register = (program: Command, run: Run) => void;

/** An option that may be given again and again: all its values, in order. */
export function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}
