import { styleText } from 'node:util';
import { forCi, forTerminal } from '../domain/base/text.ts';
import type { Style } from './command.ts';
import { isTerminal, streamOf, type Channel } from './output.ts';

type Format = Parameters<typeof styleText>[0];

/** What makes a text harmless where it is printed: on a CI system, whose log is read for commands, more than on a terminal. */
export function harmlessFor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  return ['CI', 'GITHUB_ACTIONS', 'TF_BUILD'].some((name) => (env[name] ?? '') !== '') ? forCi : forTerminal;
}

/** Colours as the channel allows (NO_COLOR, FORCE_COLOR, TERM, TTY); untrusted text is made harmless first. */
export function styleFor(channel: Channel): Style {
  const harmless = harmlessFor(process.env);
  const isPlain = process.env['FORCE_COLOR'] === undefined && !isTerminal(channel);
  const paint = (format: Format) =>
    isPlain ? harmless : (text: string) => styleText(format, harmless(text), { stream: streamOf(channel) });
  return {
    plain: harmless,
    good: paint('green'),
    bad: paint('red'),
    warn: paint('yellow'),
    dim: paint('dim'),
    bold: paint('bold'),
  };
}

/** For files that people read: no colours, untrusted text harmless all the same. */
export const PLAIN: Style = {
  plain: forTerminal,
  good: forTerminal,
  bad: forTerminal,
  warn: forTerminal,
  dim: forTerminal,
  bold: forTerminal,
};
