import type { Pickle } from '../../formats/pickle/index.ts';
import { WEIGHTS_ONLY_OPCODES } from '../allow/torch.ts';
import type { Spot } from '../session.ts';
import { isLoadable } from './names.ts';

/** Notes whether PyTorch's restricted unpickler would accept these streams; the first refusal stays. */
export function addWeightsOnly({ session }: Spot, streams: readonly Pickle[]): void {
  if (session.weightsOnly?.loads === false) return;
  const because = streams.map(refusal).find((reason) => reason !== null);
  session.weightsOnly = because === undefined ? { loads: true } : { loads: false, because: because ?? '' };
}

/** Why `torch/_weights_only_unpickler.py` refuses the stream, or null. */
function refusal(stream: Pickle): string | null {
  const global = stream.globals.find(
    ({ module, name }) => module === null || name === null || !isLoadable(module, name),
  );
  if (global !== undefined) return `${global.module}.${global.name} is not on its list`;
  const opcode = [...stream.opcodeNames].find((name) => !WEIGHTS_ONLY_OPCODES.has(name));
  if (opcode !== undefined) return `opcode ${opcode} is refused`;
  const event = stream.events.find(({ kind }) => kind !== 'memo-bomb' && kind !== 'memo-index');
  if (event !== undefined) return event.detail;
  return stream.complete ? null : 'the stream is broken';
}
