/** A field of an Arrow schema, as far as it changes what a Parquet column means. */
export interface ArrowField {
  readonly name: string;
  /** The number of its type in Arrow's `Schema.fbs`. */
  readonly type: number;
  /** Of integers; else 0. */
  readonly bits: number;
  readonly extension: string | null;
}

export const ARROW_INTEGER = 2;
export const ARROW_INTERVAL = 11;
export const ARROW_DURATION = 18;

/** More than any table has; a hostile schema may let many fields share their children. */
const MAX_FIELDS = 1 << 20;

/**
 * All fields, inner ones too, of the schema that Arrow's writers keep in a Parquet file as `ARROW:schema`: a message in base64.
 * @throws RangeError for bytes that are none.
 */
export function arrowFields(base64: string): readonly ArrowField[] {
  const bytes = Buffer.from(base64, 'base64');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const begin = view.getInt32(0, true) === -1 ? 8 : 4;
  const message = new Table(view, begin + view.getUint32(begin, true));
  const found: ArrowField[] = [];
  const open = message.table(2)?.tables(1) ?? [];
  for (let field = open.pop(); field !== undefined; field = open.pop()) {
    if (found.length === MAX_FIELDS) throw new RangeError('too many fields');
    found.push(fieldOf(field));
    for (const child of field.tables(5)) open.push(child);
  }
  return found;
}

function fieldOf(field: Table): ArrowField {
  const type = field.byte(2);
  const extension = field.tables(6).find((pair) => pair.text(0) === 'ARROW:extension:name');
  return {
    name: field.text(0),
    type,
    bits: type === ARROW_INTEGER ? (field.table(3)?.int(0) ?? 0) : 0,
    extension: extension === undefined ? null : extension.text(1),
  };
}

/** A table of a FlatBuffer; members that are left out have their default. Offsets lead on only, so that nothing goes round. */
class Table {
  private readonly view: DataView;
  private readonly at: number;

  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
  }

  byte(member: number): number {
    const at = this.place(member);
    return at === null ? 0 : this.view.getUint8(at);
  }

  int(member: number): number {
    const at = this.place(member);
    return at === null ? 0 : this.view.getInt32(at, true);
  }

  text(member: number): string {
    const at = this.target(member);
    if (at === null) return '';
    const { buffer, byteOffset } = this.view;
    return Buffer.from(buffer, byteOffset + at + 4, this.view.getUint32(at, true)).toString('utf8');
  }

  table(member: number): Table | null {
    const at = this.target(member);
    return at === null ? null : new Table(this.view, at);
  }

  tables(member: number): Table[] {
    const at = this.target(member);
    if (at === null) return [];
    const count = this.view.getUint32(at, true);
    if (count > MAX_FIELDS) throw new RangeError('too many fields');
    return Array.from({ length: count }, (_, index) => {
      const entry = at + 4 + 4 * index;
      return new Table(this.view, entry + this.view.getUint32(entry, true));
    });
  }

  private place(member: number): number | null {
    const list = this.at - this.view.getInt32(this.at, true);
    const entry = 4 + 2 * member;
    if (entry >= this.view.getUint16(list, true)) return null;
    const offset = this.view.getUint16(list + entry, true);
    return offset === 0 ? null : this.at + offset;
  }

  private target(member: number): number | null {
    const at = this.place(member);
    return at === null ? null : at + this.view.getUint32(at, true);
  }
}
