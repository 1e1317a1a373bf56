import { asChild, unwrapped } from '../../domain/derive/naming.ts';
import { tflitePairs } from '../../domain/derive/tflite-names.ts';
import type { View } from '../../domain/derive/view.ts';
import type { Opened } from './side.ts';
import { viewsOf } from './views.ts';

/** A parent's tensors by the child's names for them, and the names back. */
export interface Named {
  readonly parents: ReadonlyMap<string, View>;
  readonly original: (name: string) => string;
}

interface Pair {
  readonly child: Opened;
  readonly parent: Opened;
}

function tfliteNames({ child, parent }: Pair): ReadonlyMap<string, string> {
  const pairs = tflitePairs(
    child.tensors.map(({ tensor }) => tensor),
    parent.tensors.map(({ tensor }) => tensor),
  );
  const made = new Map([...pairs].map(([own, other]) => [other, own]));
  const free = (name: string): string => (pairs.has(name) && !made.has(name) ? `parent's ${name}` : name);
  return new Map(parent.tensors.map(({ tensor: { name } }) => [name, made.get(name) ?? free(name)]));
}

/** A parent's tensors by the names that the child or the converter's table has for them. */
export function namedAsChild({ child, parent }: Pair, converts: boolean): Named {
  const names = parent.tensors.map(({ tensor }) => tensor.name);
  const children = child.tensors.map(({ tensor }) => tensor.name);
  const renamed =
    child.format === 'tflite' ? tfliteNames({ child, parent }) : converts ? unwrapped(names) : asChild(names, children);
  const parents = new Map([...viewsOf(parent)].map(([name, view]) => [renamed.get(name) ?? name, view]));
  const back = new Map([...renamed].map(([name, made]) => [made, name]));
  return { parents, original: (name: string): string => back.get(name) ?? name };
}
