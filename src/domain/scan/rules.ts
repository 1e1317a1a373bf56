import { ARCHIVE_RULES } from './rules/archive.ts';
import { CONTENT_RULES } from './rules/content.ts';
import { FORMAT_RULES } from './rules/format.ts';
import { PICKLE_RULES } from './rules/pickle.ts';
import type { RuleTable } from './rules/rule.ts';

/** Every rule by its stable id; ids are never reused. */
export const RULES: RuleTable = { ...PICKLE_RULES, ...ARCHIVE_RULES, ...FORMAT_RULES, ...CONTENT_RULES };
