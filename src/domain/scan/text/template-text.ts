/** A node of the template's syntax tree, as `@huggingface/jinja` gives it. */
export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/**
 * What an expression gives: a text that is known, one of several, one that is put together of literals, one that data had
 * a part in, or data nobody here knows.
 */
export type Made = { readonly text: string } | 'choice' | 'made' | 'mixed' | 'data';

/** What names were set to anywhere in the template. */
export type Set = ReadonlyMap<string, Made>;

const DEPTH = 100;

/** Filters and methods that make a text out of texts. */
const MAKING =
  /^(?:format|format_map|join|replace|reverse|string|map|urlencode|urlize|truncate|center|wordwrap|lower|upper|title|capitalize|casefold|swapcase|strip|lstrip|rstrip|trim|removeprefix|removesuffix|translate|zfill|ljust|rjust|expandtabs|encode|decode|first|last|min|max|random|list|sort|unique|batch|slice|split|rsplit|partition|rpartition|striptags|indent|e|escape|safe|forceescape|default|d|pprint|tojson|xmlattr|items|get|pop|values|keys)$/;

/** Folds an expression as Jinja would, as far as its parts are literals. */
export function makes(value: unknown, set: Set, depth = 0): Made {
  if (typeof value !== 'object' || value === null || depth > DEPTH) return 'data';
  const node = value as Node;
  const of = (part: unknown): Made => makes(part, set, depth + 1);
  if (node.type === 'StringLiteral') return { text: String(node['value']) };
  if (node.type === 'Identifier') return set.get(String(node['value'])) ?? 'data';
  if (node.type === 'BinaryExpression') return added(node, of(node['left']), of(node['right']));
  if (node.type === 'FilterExpression') return filtered(node, of);
  if (node.type === 'CallExpression') return called(node, of);
  if (node.type === 'MemberExpression') return member(node, of, set);
  if (node.type === 'Ternary' || node.type === 'SelectExpression')
    return oneOf([of(node['trueExpr'] ?? node['lhs']), of(node['falseExpr'] ?? node['test'])]);
  if (node.type === 'ArrayLiteral' || node.type === 'TupleLiteral') return oneOf((node['value'] as unknown[]).map(of));
  return 'data';
}

/** Whole texts to choose from are known; each is looked at where it stands. */
function oneOf(parts: readonly Made[]): Made {
  return parts.length > 0 && parts.every((part) => isText(part) || part === 'choice') ? 'choice' : either(parts);
}

/** Put together: of literals alone, or with data among them. */
export function either(parts: readonly Made[]): Made {
  if (parts.every((part) => part === 'data')) return 'data';
  return parts.some((part) => part === 'data' || part === 'mixed') ? 'mixed' : 'made';
}

function added(node: Node, left: Made, right: Made): Made {
  const operator = (node['operator'] as Node | undefined)?.['value'];
  if (operator !== '+' && operator !== '~' && operator !== '*' && operator !== '%') return 'data';
  if (operator !== '*' && operator !== '%' && isText(left) && isText(right)) return { text: left.text + right.text };
  if (operator === '*') return left === 'data' && right === 'data' ? 'data' : 'made';
  if (operator === '%' && left !== 'data') return left === 'mixed' ? 'mixed' : 'made';
  if (operator === '~' && left === 'data' && right === 'data') return 'mixed';
  return either([left, right]);
}

function filtered(node: Node, of: (part: unknown) => Made): Made {
  const filter = node['filter'] as Node;
  const name = String(filter.type === 'CallExpression' ? (filter['callee'] as Node)['value'] : filter['value']);
  const args = filter.type === 'CallExpression' ? (filter['args'] as unknown[]) : [];
  const base = of(node['operand']);
  return MAKING.test(name) ? changed(name, base, args.map(of)) : 'data';
}

function called(node: Node, of: (part: unknown) => Made): Made {
  const callee = node['callee'] as Node;
  if (callee.type === 'Identifier') return of({ type: 'Identifier', value: `${String(callee['value'])}()` });
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return 'data';
  const name = String((callee['property'] as Node)['value']);
  return MAKING.test(name) ? changed(name, of(callee['object']), (node['args'] as unknown[]).map(of)) : 'data';
}

function changed(name: string, base: Made, args: readonly Made[]): Made {
  if (!isText(base))
    return base === 'data'
      ? name === 'replace'
        ? either([base, ...args.slice(1)])
        : 'data'
      : base === 'mixed'
        ? 'mixed'
        : 'made';
  const [from, to] = args;
  if (name === 'lower' || name === 'casefold') return { text: base.text.toLowerCase() };
  if (name === 'upper') return { text: base.text.toUpperCase() };
  if (name === 'reverse') return { text: Array.from(base.text).toReversed().join('') };
  if (/^(?:l|r)?strip$|^trim$|^string$|^safe$/.test(name)) return { text: base.text.trim() };
  if (name === 'replace' && from !== undefined && to !== undefined && isText(from) && isText(to))
    return { text: base.text.replaceAll(from.text, to.text) };
  return 'made';
}

/** `'__ssalc__'[::-1]`, `['a', 'b'][0]`, `ns.name`. */
function member(node: Node, of: (part: unknown) => Made, set: Set): Made {
  const property = node['property'] as Node;
  if (node['computed'] !== true) return set.get(`.${String(property['value'])}`) ?? 'data';
  const base = of(node['object']);
  if (isText(base) && property.type === 'SliceExpression' && stepOf(property) === -1)
    return { text: Array.from(base.text).toReversed().join('') };
  if (base === 'choice' && property.type !== 'SliceExpression') return 'choice';
  return base === 'data' || base === 'mixed' ? base : 'made';
}

function stepOf(slice: Node): number {
  const step = slice['step'] as Node | undefined;
  if (step?.type === 'UnaryExpression') return -Number((step['argument'] as Node)['value']);
  return Number(step?.['value']);
}

export function isText(made: Made | undefined): made is { readonly text: string } {
  return typeof made === 'object';
}
