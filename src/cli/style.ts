import { styleText } from 'node:util';
import { forTerminal } from '../domain/text.ts';
import type { Style } from './command.ts';

type Format = Parameters<typeof styleText>[0];

/** Colours as the stream allows (NO_COLOR, FORCE_COLOR, TERM, TTY); untrusted text is made harmless first. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  const paint = (format: Format) => (text: string) => styleText(format, forTerminal(text), { stream });
  return { plain: forTerminal, good: paint('green'), bad: paint('red'), warn: paint('yellow'), dim: paint('dim'), bold: paint('bold') };
}
