import { writeFileSync } from 'node:fs';
import { ggufHead, ggufText, safetensors, u32le, u64le } from '../../domain/formats/support.ts';

/** `make-models.ts SAFETENSORS GGUF`: one tensor of 256 numbers in each, as small as a client takes for a model. */
const [asSafetensors = '', asGguf = ''] = process.argv.slice(2);
const STRING = 8;
const [width, F32] = [256, 0];
const data = Buffer.alloc(4 * width, 7);

const header = JSON.stringify({ w: { dtype: 'F32', shape: [width], data_offsets: [0, data.length] } });
writeFileSync(asSafetensors, safetensors(header.padEnd(64), data));

const head = Buffer.concat([
  ggufHead(1, 2),
  ...[
    ['general.architecture', 'llama'],
    ['general.name', 'tiny'],
  ].flatMap(([key = '', value = '']) => [ggufText(key), u32le(STRING), ggufText(value)]),
  ggufText('output.weight'),
  u32le(1),
  u64le(width),
  u32le(F32),
  u64le(0),
]);
writeFileSync(asGguf, Buffer.concat([head, Buffer.alloc(-head.length & 31), data]));
