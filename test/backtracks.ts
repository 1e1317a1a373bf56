/**
 * Texts that a careless regular expression would step back on without end, each read as a whole command would read it. Run
 * by `backtracks.test.ts`, which has V8 count; with the word `control`, also one expression that is careless.
 */
import { bomOf } from './domain/bom/support.ts';
import { reportOf, safetensors } from './domain/formats/support.ts';
import { scan } from './domain/scan/build.ts';

const TEXTS: Readonly<Record<string, string>> = {
  'backtrack.jinja': `{% if '${'a '.repeat(50_000)}' in content %}${'"'.repeat(50_000)}{{ ${'(['.repeat(20_000)}`,
  'tags.jinja': '{{'.repeat(100_000),
  'comments.jinja': '{#'.repeat(100_000),
  'blanks.jinja': `{{ '${' '.repeat(200_000)} }}`,
  'filters.jinja': `{{ ${'|map('.repeat(50_000)} }}`,
  'triggers.jinja': "{% if 'abc' in content ".repeat(10_000),
  'quotes.py': `exec(${'('.repeat(100_000)}${'a'.repeat(100_000)}`,
  'classes.py': 'class a('.repeat(25_000),
  'sockets.py': 'socket.socket '.repeat(15_000),
  'commas.csv': ',='.repeat(100_000),
  'lines.yaml': '\n'.repeat(200_000),
};

for (const [name, text] of Object.entries(TEXTS)) await scan(name, Buffer.from(text));
await scan(
  'classes.h5',
  Buffer.concat([Buffer.from('894844460d0a1a0a', 'hex'), Buffer.from('{"class_name"'.repeat(10_000))]),
);
await scan('underscores.pkl', Buffer.from(`\x80\x02cmod\n${'_'.repeat(65_000)}\n)R.`, 'latin1'));
await reportOf(
  safetensors(`{"a":{"dtype":"F32","shape":[${'1'.repeat(100_000)}x],"data_offsets":[0,4]}}`, new Uint8Array(4)),
  'almost.safetensors',
);
await bomOf({ 'requirements.txt': `torch${' '.repeat(100_000)})x\n`.repeat(2) });
if (process.argv[2] === 'control') / +x/.test(' '.repeat(100_000));
console.log('all were read');
