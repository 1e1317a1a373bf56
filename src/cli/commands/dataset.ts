import type { Register } from '../command.ts';
import { addCheck } from './dataset/check.ts';
import { addDescribe } from './dataset/describe.ts';
import { addDiff } from './dataset/diff.ts';
import { addGc } from './dataset/gc.ts';
import { addIndex } from './dataset/index.ts';
import { addMerge, addPart, addReduce } from './dataset/part.ts';
import { addPlan } from './dataset/plan.ts';
import { addProve } from './dataset/prove.ts';

/** `dataset …`: the custody of records. */
export const register: Register = (program, run) => {
  const dataset = program.command('dataset').description('datasets record by record: roots, proofs, comparison');
  for (const add of [addIndex, addProve, addCheck, addDiff, addDescribe, addPlan, addPart, addReduce, addMerge, addGc])
    add(dataset, run);
};
