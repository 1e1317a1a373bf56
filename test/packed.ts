import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** Builds what users install, with the addon if this checkout has one, into a folder without sources. @returns its `bin`. */
export function installPacked(folder: string): string {
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, 'node_modules'), { force: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  const env = { ...process.env, PATH: `${resolve('node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}` };
  execFileSync(process.execPath, ['build.mjs', folder], { env, stdio: 'inherit' });
  for (const path of ['bin', 'schemas', 'package.json']) cpSync(path, join(folder, path), { recursive: true });
  const addon = `adapters/hasher/kernel/kernel-${process.platform}-${process.arch}.node`;
  if (existsSync(join('src', addon))) cpSync(join('src', addon), join(folder, 'dist', addon));
  return join(folder, 'bin/weighmark.js');
}
