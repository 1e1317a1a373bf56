import type { Json } from '../base/json.ts';
import { isOrbaxTree, isZarrArray, orbaxFindings, zarrFindings } from './orbax.ts';
import { isPaddleProgram, paddleFindings } from './paddle.ts';
import type { Findings, Problem } from './types.ts';
import { isXgboostJson, xgboostFindings } from './xgboost.ts';

/** A JSON object that is a model, or describes one, by its keys; null for any other. */
export function modelInJson(value: Json, path: string, problems: Problem[]): Findings | null {
  if (isXgboostJson(value)) return xgboostFindings(value);
  if (isPaddleProgram(value)) return paddleFindings(value, path);
  if (isZarrArray(value)) return zarrFindings(value, path, problems);
  return isOrbaxTree(value) ? orbaxFindings(value) : null;
}
