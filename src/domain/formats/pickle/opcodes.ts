/** How an opcode's argument is stored. Numbers are little-endian; `line` ends in LF; `counted` sizes precede the payload. */
export type ArgumentKind =
  | 'none'
  | 'u1'
  | 'u2'
  | 'i4'
  | 'u4'
  | 'u8'
  | 'f8'
  | 'line'
  | 'two-lines'
  | 'text1'
  | 'text4'
  | 'text8'
  | 'string1'
  | 'string4'
  | 'bytes1'
  | 'bytes4'
  | 'bytes8'
  | 'long1'
  | 'long4';

export interface Opcode {
  readonly code: number;
  readonly name: string;
  readonly argument: ArgumentKind;
}

/** All opcodes of protocols 0 to 5. @see https://github.com/python/cpython/blob/main/Lib/pickletools.py */
const TABLE: readonly (readonly [byte: string, name: string, argument: ArgumentKind])[] = [
  ['I', 'INT', 'line'],
  ['J', 'BININT', 'i4'],
  ['K', 'BININT1', 'u1'],
  ['M', 'BININT2', 'u2'],
  ['L', 'LONG', 'line'],
  ['\x8a', 'LONG1', 'long1'],
  ['\x8b', 'LONG4', 'long4'],
  ['S', 'STRING', 'line'],
  ['T', 'BINSTRING', 'string4'],
  ['U', 'SHORT_BINSTRING', 'string1'],
  ['B', 'BINBYTES', 'bytes4'],
  ['C', 'SHORT_BINBYTES', 'bytes1'],
  ['\x8e', 'BINBYTES8', 'bytes8'],
  ['\x96', 'BYTEARRAY8', 'bytes8'],
  ['\x97', 'NEXT_BUFFER', 'none'],
  ['\x98', 'READONLY_BUFFER', 'none'],
  ['N', 'NONE', 'none'],
  ['\x88', 'NEWTRUE', 'none'],
  ['\x89', 'NEWFALSE', 'none'],
  ['V', 'UNICODE', 'line'],
  ['\x8c', 'SHORT_BINUNICODE', 'text1'],
  ['X', 'BINUNICODE', 'text4'],
  ['\x8d', 'BINUNICODE8', 'text8'],
  ['F', 'FLOAT', 'line'],
  ['G', 'BINFLOAT', 'f8'],
  [']', 'EMPTY_LIST', 'none'],
  ['a', 'APPEND', 'none'],
  ['e', 'APPENDS', 'none'],
  ['l', 'LIST', 'none'],
  [')', 'EMPTY_TUPLE', 'none'],
  ['t', 'TUPLE', 'none'],
  ['\x85', 'TUPLE1', 'none'],
  ['\x86', 'TUPLE2', 'none'],
  ['\x87', 'TUPLE3', 'none'],
  ['}', 'EMPTY_DICT', 'none'],
  ['d', 'DICT', 'none'],
  ['s', 'SETITEM', 'none'],
  ['u', 'SETITEMS', 'none'],
  ['\x8f', 'EMPTY_SET', 'none'],
  ['\x90', 'ADDITEMS', 'none'],
  ['\x91', 'FROZENSET', 'none'],
  ['0', 'POP', 'none'],
  ['2', 'DUP', 'none'],
  ['(', 'MARK', 'none'],
  ['1', 'POP_MARK', 'none'],
  ['g', 'GET', 'line'],
  ['h', 'BINGET', 'u1'],
  ['j', 'LONG_BINGET', 'u4'],
  ['p', 'PUT', 'line'],
  ['q', 'BINPUT', 'u1'],
  ['r', 'LONG_BINPUT', 'u4'],
  ['\x94', 'MEMOIZE', 'none'],
  ['\x82', 'EXT1', 'u1'],
  ['\x83', 'EXT2', 'u2'],
  ['\x84', 'EXT4', 'i4'],
  ['c', 'GLOBAL', 'two-lines'],
  ['\x93', 'STACK_GLOBAL', 'none'],
  ['R', 'REDUCE', 'none'],
  ['b', 'BUILD', 'none'],
  ['i', 'INST', 'two-lines'],
  ['o', 'OBJ', 'none'],
  ['\x81', 'NEWOBJ', 'none'],
  ['\x92', 'NEWOBJ_EX', 'none'],
  ['\x80', 'PROTO', 'u1'],
  ['.', 'STOP', 'none'],
  ['\x95', 'FRAME', 'u8'],
  ['P', 'PERSID', 'line'],
  ['Q', 'BINPERSID', 'none'],
];

/** By byte; undefined where no opcode is. */
export const OPCODES: readonly (Opcode | undefined)[] = byByte();

function byByte(): (Opcode | undefined)[] {
  const found = Array.from<Opcode | undefined>({ length: 256 });
  for (const [byte, name, argument] of TABLE) found[byte.charCodeAt(0)] = { code: byte.charCodeAt(0), name, argument };
  return found;
}
