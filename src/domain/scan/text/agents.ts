import { isJsonObject, type Json } from '../../base/json.ts';
import { baseNameOf } from '../names.ts';

/** Files that an agent follows as instructions, by the names that agents look for. */
const INSTRUCTION_NAMES =
  /^(?:skill|agents|claude|gemini|copilot-instructions)\.md$|^\.(?:cursorrules|windsurfrules|clinerules)$|\.(?:mdc|prompty|prompt)$|\.(?:prompt|instructions|agent|chatmode)\.md$/i;
/** Folders of which each text is one. */
const INSTRUCTION_FOLDERS =
  /(?:^|\/)(?:skills|prompts?|commands|agents|\.cursor\/rules)\/(?:.*\/)?[^/]+\.(?:md|mdc|txt)$/i;

/** Whether an agent, not a person, is the reader: a skill, a rule or a prompt. */
export function isAgentsText(path: string): boolean {
  return INSTRUCTION_NAMES.test(baseNameOf(path)) || INSTRUCTION_FOLDERS.test(path);
}

/** Texts of a manifest that an agent is shown: descriptions, prompts, instructions. Bounded in number. */
export function agentTexts(value: Json): readonly string[] {
  const found: string[] = [];
  const waiting: Json[] = [value];
  for (let at = 0; at < waiting.length && at < MOST_VALUES; at++) {
    const next = waiting[at];
    if (Array.isArray(next)) for (const each of next) waiting.push(each as Json);
    else if (isJsonObject(next))
      for (const [key, each] of Object.entries(next))
        if (typeof each !== 'string') waiting.push(each);
        else if (SHOWN_KEYS.test(key)) found.push(each);
  }
  return found;
}

const MOST_VALUES = 100_000;
const SHOWN_KEYS = /^(?:description|long_description|text|prompt|instructions?|title|display_name)$/i;
