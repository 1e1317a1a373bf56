import { homedir } from 'node:os';
import { requireOwn } from '../files/own.ts';
import { isAbsolute, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** `weighmark` under XDG_CONFIG_HOME; a relative value is ignored, as the XDG specification says. @throws WeighmarkError `place-unsafe`. */
export function configFolder(env: Env): string {
  return requireOwn(join(xdg(env['XDG_CONFIG_HOME'], '.config'), 'weighmark'));
}

function xdg(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}
