import { styleText } from 'node:util';
import { forCi, forTerminal } from '../domain/text.ts';
import type { Style } from './command.ts';

type Format = Parameters<typeof styleText>[0];

/** What makes a text harmless where it is printed: on a CI system, whose log is read for commands, more than on a terminal. */
export function harmlessFor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  return ['CI', 'GITHUB_ACTIONS', 'TF_BUILD'].some((name) => (env[name] ?? '') !== '') ? forCi : forTerminal;
}

/** Colours as the stream allows (NO_COLOR, FORCE_COLOR, TERM, TTY); untrusted text is made harmless first. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  const harmless = harmlessFor(process.env);
  const paint = (format: Format) => (text: string) => styleText(format, harmless(text), { stream });
  return { plain: harmless, good: paint('green'), bad: paint('red'), warn: paint('yellow'), dim: paint('dim'), bold: paint('bold') };
}
