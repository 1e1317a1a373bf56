import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { extentOf, layOut, SIZE, type Box, type Layout } from '../../src/cli/views/lineage-layout.ts';
import { lineageDrawing } from '../../src/cli/views/lineage-drawing.ts';
import type { Lineage, LineageEdge, LineageNode } from '../../src/domain/lineage/types.ts';

/** Artifacts `0`, `1`…, each made from those that are listed. */
function lineageOf(inputs: readonly (readonly number[])[], name = (index: number) => `acme/m${index}`): Lineage {
  const edge = (to: number): LineageEdge => ({
    word: 'finetune',
    role: 'base-model',
    to: `${to}`,
    name: name(to),
    standing: 'attested',
  });
  const nodes = inputs.map((each, index): LineageNode => ({
    digest: `${index}`,
    name: name(index),
    step: 'train',
    signedBy: 'tom',
    time: null,
    edges: each.map(edge),
  }));
  const rest = { depth: 0, findings: [], used: [], actors: new Map<string, Set<string>>(), makers: new Set<string>() };
  return { root: '0', nodes: new Map(nodes.map((node) => [node.digest, node])), ...rest };
}

const laid = (inputs: readonly (readonly number[])[], most = 300): Layout => layOut(lineageOf(inputs), most, () => 50);
const boxOf = ({ boxes }: Layout, key: string): Box => boxes.find((box) => box.key === key) ?? assert.fail(key);
const overlap = (a: Box, b: Box) => a.x === b.x && a.y < b.y + b.height && b.y < a.y + a.height;

/** Inputs have higher numbers: no circle. */
const acyclic = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
  .map((lists) =>
    lists.map((list, at) =>
      at + 1 < lists.length ? [...new Set(list.map((n) => at + 1 + (n % (lists.length - at - 1))))] : [],
    ),
  );

test('every input stands right of all that was made from it, no two boxes overlap, and all lies in the picture', () => {
  fc.assert(
    fc.property(acyclic, (inputs) => {
      const layout = laid(inputs);
      const { width, height } = extentOf(layout);
      for (const { from, to } of layout.lines)
        assert.ok((layout.boxes[from]?.x ?? 0) < (layout.boxes[to]?.x ?? 0), 'from left to right');
      layout.boxes.forEach((box, at) => {
        assert.ok(box.x >= 0 && box.y >= 0 && box.x + SIZE.width <= width && box.y + box.height <= height);
        assert.ok(!layout.boxes.slice(at + 1).some((other) => overlap(box, other)));
      });
    }),
  );
});

test('a line that crosses a column runs through a gap of it, behind no box', () => {
  const layout = laid([[1, 2, 3], [3], [3], [4], []]);
  const long = layout.lines.find(({ from, to }) => from === 0 && layout.boxes[to]?.key === '3');
  assert.equal(long?.through.length, 2, 'in and out of one column');
  const [[x, y] = [0, 0]] = long?.through ?? [];
  assert.ok(layout.boxes.filter((box) => box.x === x).every((box) => y < box.y || y > box.y + box.height));
});

test('artifacts that say to be made from each other, and from themselves, end', () => {
  const layout = laid([[1, 0], [2], [0, 1]]);
  assert.deepEqual(layout.boxes.map(({ key }) => key).sort(), ['0', '1', '2']);
  assert.equal(layout.boxes[0]?.x, 1, 'the artifact itself stands first');
});

test('of many, the nearest are laid out', () => {
  const chain = Array.from({ length: 1000 }, (_, index) => (index < 999 ? [index + 1] : []));
  const layout = laid(chain, 10);
  assert.equal(layout.boxes.length, 10);
  assert.ok(boxOf(layout, '9').x > boxOf(layout, '8').x);
});

test('a name is broken into lines where it is read in parts, and stands whole behind the pointer', () => {
  const name = 'acme-research/encoder-large-multilingual-instruct:2026.11.30';
  const drawn = lineageDrawing(lineageOf([[1], []], (index) => (index === 1 ? name : 'a'))) ?? assert.fail();
  const lines = [...drawn.html.matchAll(/<tspan[^>]*>([^<]*)</g)].map(([, text]) => text ?? '');
  assert.equal(lines.slice(1).join(''), name);
  assert.ok(lines.every((line) => line.length <= 27));
  assert.ok(drawn.html.includes(`<title>${name}: train by tom</title>`));
  const long = lineageDrawing(lineageOf([[1], []], () => 'long'.repeat(100))) ?? assert.fail();
  assert.match(long.html, /…<\/tspan>/);
});

test('an artifact with a page of its own is a link to it; one with no inputs is not drawn', () => {
  const drawn = lineageDrawing(lineageOf([[1], []]), (digest) => (digest === '1' ? 'm1.html' : null));
  assert.deepEqual(drawn?.html.match(/href="[^"]*"/g), ['href="m1.html"']);
  assert.equal(lineageDrawing(lineageOf([[]])), null);
});
