import { resolve } from 'node:path';
import type { Command, Option } from 'commander';
import { LIMITS } from '../domain/base/limits.ts';
import type { Context } from './context.ts';
import { explainable } from './views/explain.ts';

/** What may follow on a command line: words, and whether files may too. */
export interface Candidates {
  readonly words: readonly { readonly word: string; readonly about?: string }[];
  readonly files: boolean;
}

const NOTHING: Candidates = { words: [], files: false };
const FILES: Candidates = { words: [], files: true };

/**
 * What may stand in place of the last of `words`, which are those after `weighmark`. Names, tags and environments are looked
 * up in the registry and policy that the line, the environment or the configuration names; nothing is ever fetched, and what
 * cannot be looked up is left out.
 */
export async function candidates(words: readonly string[], program: Command, context: Context): Promise<Candidates> {
  const typed = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, rest } = walk(program, typed);
  const line: Line = { command, typed, context };
  const waiting = optionOf(command, typed.at(-1) ?? '');
  if (waiting !== undefined && takesValue(waiting)) return valuesOf(waiting, line);
  const [, long, start] = /^(--[a-z-]+)=(.*)$/s.exec(current) ?? [];
  const assigned = long === undefined ? undefined : optionOf(command, long);
  if (assigned !== undefined && start !== undefined) return prefixed(await valuesOf(assigned, line), `${long}=`);
  if (current.startsWith('-')) return { words: options(command), files: false };
  if (command.commands.length > 0)
    return { words: command.commands.map((each) => ({ word: each.name(), about: each.description() })), files: false };
  return argumentValues(rest, line);
}

interface Line {
  readonly command: Command;
  readonly typed: readonly string[];
  readonly context: Context;
}

/** The command that the words name, and its arguments so far. */
function walk(program: Command, typed: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = program;
  const rest: string[] = [];
  for (const [index, word] of typed.entries()) {
    const before = optionOf(command, typed[index - 1] ?? '');
    if (word.startsWith('-') || (before !== undefined && takesValue(before))) continue;
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) rest.push(word);
    else command = next;
  }
  return { command, rest };
}

function optionOf(command: Command, word: string): Option | undefined {
  return word.startsWith('-') ? command.options.find(({ long, short }) => long === word || short === word) : undefined;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function options(command: Command): Candidates['words'] {
  const help = { word: '--help', about: 'show help' };
  return [
    ...command.options.flatMap(({ long, description }) => (long == null ? [] : [{ word: long, about: description }])),
    help,
  ];
}

function prefixed({ words, files }: Candidates, start: string): Candidates {
  return { words: words.map(({ word }) => ({ word: `${start}${word}` })), files };
}

async function valuesOf(option: Option, line: Line): Promise<Candidates> {
  if (option.argChoices !== undefined) return listed(option.argChoices);
  const name = /[<[](.+?)[>\]]/.exec(option.flags)?.[1] ?? '';
  if (option.long === '--env') return listed(await environments(line));
  if (option.long === '--to' && line.command.name() === 'rollback') return listed(['none']);
  return /file|dir|pem|path|folder|registry|oci|old/i.test(`${name} ${option.long}`) ? FILES : NOTHING;
}

async function argumentValues(rest: readonly string[], line: Line): Promise<Candidates> {
  const { registeredArguments } = line.command;
  const argument = registeredArguments[rest.length] ?? registeredArguments.at(-1);
  if (argument === undefined || (rest.length >= registeredArguments.length && !argument.variadic)) return NOTHING;
  if (argument.argChoices !== undefined) return listed(argument.argChoices);
  if (argument.name() === 'code') return listed(explainable());
  if (argument.name() === 'name') return listed([...new Set((await artifacts(line)).map(({ name }) => name))]);
  if (argument.name() !== 'ref') return FILES;
  return {
    ...listed((await artifacts(line)).flatMap(({ name, tags }) => tags.map((tag) => `${name}:${tag}`))),
    files: true,
  };
}

/** Only what a shell takes as one plain word. */
function listed(words: readonly string[]): Candidates {
  return { words: words.filter((word) => /^[A-Za-z0-9._/:@+-]+$/.test(word)).map((word) => ({ word })), files: false };
}

async function artifacts({
  typed,
  context,
}: Line): Promise<readonly { readonly name: string; readonly tags: readonly string[] }[]> {
  const location =
    given('--registry', typed) ?? context.env['WEIGHMARK_REGISTRY'] ?? (await settingsOf(context)).registry;
  if (location === undefined || location === '' || location.includes('://')) return [];
  try {
    return await (await (await context.registries()).open(resolve(context.cwd, location))).list();
  } catch {
    return [];
  }
}

async function environments({ typed, context }: Line): Promise<readonly string[]> {
  const path = given('--policy', typed) ?? context.env['WEIGHMARK_POLICY'] ?? (await settingsOf(context)).policy;
  if (path === undefined || path === '') return [];
  try {
    const { parsePolicy } = await import('../domain/policy/parse.ts');
    const bytes = await (await context.files()).read(resolve(context.cwd, path), LIMITS.policyBytes);
    return parsePolicy(bytes).environments.map(({ name }) => name);
  } catch {
    return [];
  }
}

async function settingsOf(context: Context): Promise<{ readonly registry?: string; readonly policy?: string }> {
  return (await context.configuration().catch(() => null))?.settings ?? {};
}

function given(option: string, typed: readonly string[]): string | undefined {
  const assigned = typed.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1);
  const at = typed.indexOf(option);
  return assigned ?? (at < 0 ? undefined : typed[at + 1]);
}
