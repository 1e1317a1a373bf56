import type { Source } from '../../base/source.ts';
import { report, type Spot } from '../session.ts';
import { judgeBy } from './structure.ts';
import { severityOfOp } from './tensorflow.ts';

/** Custom operators, and those of TensorFlow that act outside the graph. */
export const judgeTflite = judgeBy({
  search: judgeOperatorCodes,
  operator: (spot, { name, custom }) => {
    if (custom) judgeFlex(spot, name);
  },
});

const CHUNK = 4 << 20;
const OVERLAP = 128;

/** Custom operators a model declares, used or not, by their names in its bytes: a reader can be kept from the table. */
async function judgeOperatorCodes(spot: Spot, source: Source): Promise<void> {
  for (let at = 0; at < source.size; at += CHUNK) {
    const text = Buffer.from(await source.read(at, CHUNK + OVERLAP)).toString('latin1');
    for (const [, name = ''] of text.matchAll(/\b(Flex[A-Z]\w{1,80})\0/g)) judgeFlex(spot, `custom:${name}`);
  }
}

function judgeFlex(spot: Spot, name: string): void {
  const op = /Flex(\w+)/.exec(name)?.[1];
  const severity = op === undefined ? undefined : severityOfOp(op);
  if (severity !== undefined)
    report(spot, 'WM-TF-001', `the Flex operator ${name} acts outside the graph`, { severity });
  else report(spot, 'WM-TFLITE-001', `the operator ${name}`, { severity: KNOWN_TFLITE.test(name) ? 'info' : 'medium' });
}

/** Custom operators of TensorFlow Lite's own and MediaPipe's published kernels. */
const KNOWN_TFLITE =
  /(TFLite_Detection_PostProcess|MaxPoolingWithArgmax2D|MaxUnpooling2D|Convolution2DTransposeBias|TransformLandmarks|TransformTensorBilinear|Landmarks2TransformMatrix|AudioSpectrogram|Mfcc|NumericVerify|TFSentencepieceTokenizeOp)$/;
