import type { Finding } from '../base/verdict.ts';
import type { RoleRule } from './types.ts';

/** For whoever was refused as a wrong signer: who may say it instead. Without a hint where nobody may, or they themselves. */
export function whoMay(roles: readonly RoleRule[], refused: string | null): Pick<Finding, 'hint'> {
  const held = roles.filter(({ principals }) => principals.length > 0);
  const isNoQuestionOfRoles = refused !== null && held.some(({ principals }) => principals.includes(refused));
  if (held.length === 0 || isNoQuestionOfRoles) return {};
  const words = held.map(({ name, principals }) => `${principals.join(' or ')} (${name})`);
  return { hint: `the policy lets ${words.join(', ')} sign this` };
}
