import type { Source } from '../../base/source.ts';
import type { Operator } from '../../formats/types.ts';
import { report, type Spot } from '../session.ts';
import { judgeKerasText } from './keras-text.ts';
import { judgeBy } from './structure.ts';
import { severityOfOp } from './tensorflow.ts';

const GRAPH = { operator: judgeOperator, outsideRule: 'WM-TF-001' } as const;

/** Operators that act outside the graph, where it writes to, and Keras configurations in it. */
export const judgeSavedModel = judgeBy({
  ...GRAPH,
  search: async (spot, source) => {
    await judgeKerasText(spot, source);
    await judgeGraphText(spot, source);
  },
});

export const judgeTensorflowGraph = judgeBy({ ...GRAPH, search: judgeGraphText });

function judgeOperator(spot: Spot, { name }: Operator): void {
  const severity = severityOfOp(name);
  if (severity !== undefined) report(spot, 'WM-TF-001', `the graph uses ${name}`, { severity });
  else if (name.includes('>')) report(spot, 'WM-TF-002', `the graph uses the custom operator ${name}`);
}

const CHUNK = 4 << 20;

/** Attributes of a TensorFlow graph that send what it prints or debugs elsewhere. */
const GRAPH_OUTPUT =
  /(output_stream|debug_urls)[^\x20-\x7e]{1,8}(?:[\x20-\x7e]?[^\x20-\x7e]){0,8}[^a-z]?((?:file|grpc):\/\/[\x21-\x7e]{1,200})/;

async function judgeGraphText(spot: Spot, source: Source): Promise<void> {
  for (let at = 0; at < source.size; at += CHUNK) {
    const match = GRAPH_OUTPUT.exec(Buffer.from(await source.read(at, CHUNK + 512)).toString('latin1'));
    if (match !== null)
      return report(spot, 'WM-TF-001', `the graph writes to ${match[2] ?? ''}`, { offset: at + match.index });
  }
}
