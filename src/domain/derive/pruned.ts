/** Elements of which some were set to zero, seen in order: their bits in magnitude are in the order of the numbers. */
export class Kept {
  zeroed = 0;
  /** The first element that is neither the parent's nor zero. */
  other: number | null = null;
  readonly #width: 2 | 4;
  readonly #spans: readonly Span[];
  #seen = 0;

  constructor(width: 2 | 4, columns: number) {
    this.#width = width;
    this.#spans = [
      { name: 'the tensor', length: Infinity, same: false },
      { name: 'each row', length: columns, same: true },
      ...(columns % 4 === 0 ? [{ name: 'each four', length: 4, same: true }] : []),
      ...(columns % 8 === 0 ? [{ name: 'each eight', length: 8, same: true }] : []),
    ].map((each) => ({ ...each, largest: 0, smallest: Infinity, count: 0, before: null, open: false, holds: true }));
  }

  add(child: Uint8Array, parent: Uint8Array): void {
    const [own, base] = [this.#numbers(child), this.#numbers(parent)];
    const sign = this.#width === 2 ? 0x8000 : 0x8000_0000;
    for (let at = 0; at < own.length && this.other === null; at++, this.#seen++) {
      const [value = 0, was = 0] = [own[at], base[at]];
      const magnitude = was % sign;
      const isZeroed = value !== was && value % sign === 0;
      if (value !== was && !isZeroed) this.other = this.#seen;
      if (isZeroed) this.zeroed++;
      for (const span of this.#spans) if (span.holds) this.#note(span, isZeroed, magnitude);
    }
  }

  /** In which the smallest were set to zero; as many in each, where it is not the whole. Null: in none. */
  explained(): string | null {
    for (const span of this.#spans) close(span);
    return this.#spans.find(({ holds }) => holds)?.name ?? null;
  }

  #note(span: Span, isZeroed: boolean, magnitude: number): void {
    if (this.#seen > 0 && this.#seen % span.length === 0) close(span);
    // What was zero before may count as either: how many were set to zero such a group does not say.
    if (isZeroed) [span.largest, span.count] = [Math.max(span.largest, magnitude), span.count + 1];
    else if (magnitude > 0) span.smallest = Math.min(span.smallest, magnitude);
    else span.open = true;
  }

  #numbers(bytes: Uint8Array): Uint16Array | Uint32Array {
    const own = Uint8Array.from(bytes).buffer;
    return this.#width === 2 ? new Uint16Array(own) : new Uint32Array(own);
  }
}

interface Span {
  readonly name: string;
  readonly length: number;
  /** As many of each. */
  readonly same: boolean;
  largest: number;
  smallest: number;
  count: number;
  before: number | null;
  open: boolean;
  holds: boolean;
}

function close(span: Span): void {
  const { largest, smallest, same, count, before, open } = span;
  if (largest > smallest || (same && !open && before !== null && before !== count)) span.holds = false;
  [span.largest, span.smallest, span.count, span.before] = [0, Infinity, 0, open ? before : count];
  span.open = false;
}
